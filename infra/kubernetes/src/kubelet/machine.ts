import type { Api } from "../api/api.ts";
import type { Gate } from "../api/gate.ts";
import type { Addresses } from "../network/addresses.ts";
import type { Images } from "./images.ts";

/** What the pods of one node have in common. */
export interface Machine {
  readonly name: string;
  /** Asks nothing while the machine is frozen. */
  readonly api: Api;
  readonly gate: Gate;
  readonly images: Images;
  readonly address: string;
  readonly podAddresses: Addresses;
  readonly allocatable: Readonly<Record<string, string>>;
  /** Of the pods' files. */
  readonly directory: string;
  /** Of the output of a container of a pod of that name, whichever machine it runs on. */
  logFile(namespace: string, pod: string, container: string): Promise<string>;
}
