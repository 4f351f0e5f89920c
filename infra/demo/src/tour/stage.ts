import type { Cluster } from "../cluster.ts";
import type { Printer } from "../print.ts";

/** What every section of the tour gets. */
export interface Stage {
  readonly cluster: Cluster;
  readonly print: Printer;
}
