import type {
  Contract,
  DetailsSent,
  ErrorName,
  HandlerName,
  InputRead,
  KeyRead,
  OutputSent,
} from "@shardcast/contract";
import { ShardcastError } from "@shardcast/protocol";
import { type AnyImplementation, contractHandler } from "./contract-handler.ts";
import type { Handler, HandlerContext, HandlerRequest } from "./handler.ts";

/** Ends the request with a declared error; the caller gets its name, status and details. Write `return fail(…)`. */
export type Fail<C extends Contract, H extends HandlerName<C>> = <N extends ErrorName<C, H>>(
  name: N,
  ...more: undefined extends DetailsSent<C, H, N>
    ? [details?: DetailsSent<C, H, N>, message?: string]
    : [details: DetailsSent<C, H, N>, message?: string]
) => never;

/** A request as the implementation of a handler gets it. */
export interface Call<C extends Contract, H extends HandlerName<C>> {
  /** As the contract's schema reads it. */
  readonly input: InputRead<C, H>;
  /** The shard key, as the contract's schema reads it. */
  readonly key: KeyRead<C>;
  readonly request: HandlerRequest;
  readonly context: HandlerContext;
  readonly fail: Fail<C, H>;
}

/** A function for each handler of a contract. It may throw what any handler may. */
export type Implementation<C extends Contract> = {
  readonly [H in HandlerName<C>]: (call: Call<C, H>) => OutputSent<C, H> | Promise<OutputSent<C, H>>;
};

/**
 * The handlers of a worker from the implementation of a contract, for `WorkerOptions.handlers`.
 *
 * A key or body that does not fit is refused before the implementation is called: 400 for a key and for what is no JSON, 422
 * for other bodies, each with `issues` that say where. An output or details that do not fit are a bug of this side, not of the
 * caller: the handler counts as failed, so the request is tried again, then dead-lettered, and can be sent again to a worker
 * without the bug (C3, C9).
 *
 * @throws {ShardcastError} SHARDCAST_INVALID_CONFIG that lists what is not implemented, and what is not in the contract
 */
export function implement<C extends Contract>(
  contract: C,
  implementation: Implementation<C>,
): Record<HandlerName<C>, Handler> {
  const { service, handlers } = contract;
  const given = implementation as Readonly<Record<string, AnyImplementation>>;
  const faults = [
    ...Object.keys(handlers)
      .filter((name) => !Object.hasOwn(given, name) || typeof given[name] !== "function")
      .map((name) => `${name}: is not implemented`),
    ...Object.keys(given)
      .filter((name) => !Object.hasOwn(handlers, name))
      .map((name) => `${name}: is not in the contract`),
  ];
  if (faults.length > 0) {
    throw new ShardcastError(
      "SHARDCAST_INVALID_CONFIG",
      `implementation of ${service}: ${faults.join("; ")}`,
      {
        extensions: { faults },
      },
    );
  }
  const made = Object.entries(handlers).map(([name, definition]) => [
    name,
    contractHandler(contract, name, definition, given[name] as AnyImplementation),
  ]);
  return Object.fromEntries(made) as Record<HandlerName<C>, Handler>;
}
