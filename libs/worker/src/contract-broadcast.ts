import {
  type BroadcastDefinition,
  type BroadcastName,
  type BroadcastRead,
  type Contract,
  decodeWith,
  type Issue,
  issuesText,
} from "@shardcast/contract";
import { ShardcastError } from "@shardcast/protocol";
import type { BroadcastContext, BroadcastHandler, BroadcastMessage } from "./broadcast-handler.ts";
import { TerminalError } from "./errors.ts";
import type { HandlerResult } from "./reply.ts";

/** A broadcast as its implementation gets it. */
export interface BroadcastCall<C extends Contract, B extends BroadcastName<C>> {
  /** As the contract's schema reads it. */
  readonly input: BroadcastRead<C, B>;
  readonly broadcast: BroadcastMessage;
  readonly context: BroadcastContext;
}

/**
 * The handler of a broadcast that a contract declares, for `Worker.onBroadcast` under the same name (C6). A body that does not fit
 * is this member's refusal, and not tried again: 422, or 400 for what is no JSON, and the implementation is not called.
 *
 * @throws {ShardcastError} SHARDCAST_INVALID_CONFIG when the contract declares no such broadcast
 */
export function implementBroadcast<C extends Contract, B extends BroadcastName<C>>(
  contract: C,
  name: B,
  implementation: (call: BroadcastCall<C, B>) => HandlerResult | Promise<HandlerResult>,
): BroadcastHandler {
  const { service, broadcasts = {} } = contract;
  const definition = Object.hasOwn(broadcasts, name) ? broadcasts[name] : undefined;
  if (definition === undefined) {
    throw new ShardcastError(
      "SHARDCAST_INVALID_CONFIG",
      `implementation of ${service}: ${name}: is not in the contract`,
    );
  }
  return async (broadcast, context) => {
    const input = (await inputOf(definition, broadcast)) as BroadcastRead<C, B>;
    return implementation({ input, broadcast, context });
  };
}

async function inputOf({ input }: BroadcastDefinition, { body }: BroadcastMessage): Promise<unknown> {
  if (input === undefined) {
    if (body.byteLength === 0) return undefined;
    throw unfit([{ pointer: "", message: "must be empty: this broadcast takes no input" }]);
  }
  const decoded = await decodeWith(input, body);
  switch (decoded.kind) {
    case "value":
      return decoded.value;
    case "not-json":
      throw new TerminalError("body: not valid JSON", { status: 400 });
    case "unfit":
      throw unfit(decoded.issues);
  }
}

function unfit(issues: readonly Issue[]): TerminalError {
  return new TerminalError(`body: ${issuesText(issues)}`, { details: { issues } });
}
