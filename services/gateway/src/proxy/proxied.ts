import type { ServerResponse } from "node:http";
import type { Target } from "./destination.ts";
import type { Exchange } from "./exchange.ts";
import type { CompiledRule } from "./rules/router.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Set on what is proxied. */
    proxied: Proxied | null;
  }
}

/** Of `/v1/{service}/proxy/{key}/…`. */
export interface KeyRoute {
  Params: { readonly service: string; readonly key: string };
}

/** What is known of a request that is proxied, between the plugin's calls. */
export interface Proxied {
  /** As it was sent, without the query. */
  readonly path: string;
  /** Who gets the answer. */
  readonly caller: ServerResponse;
  /** Undefined on `/v1/{service}/proxy/{key}`. */
  readonly rule: CompiledRule | undefined;
  exchange?: Exchange;
  target?: Target;
  /** What the target is asked for, with the query. */
  sentPath?: string;
}
