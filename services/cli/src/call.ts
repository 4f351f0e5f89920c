import type { HttpClient } from "@shardcast/http-client";
import type { World } from "./world.ts";

/** What every command works with. */
export interface Call {
  readonly world: World;
  readonly client: HttpClient;
  /** How this gateway is asked again: `shardcast`, with the flags that say where it is. */
  readonly again: string;
}
