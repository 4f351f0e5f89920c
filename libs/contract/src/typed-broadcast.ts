import { ShardcastError } from "@shardcast/protocol/errors";
import type { BroadcastName, BroadcastSent, Contract } from "./contract.ts";
import { inputText } from "./input-text.ts";

/** The part of a client that sends broadcasts; what it gives back is its own. */
export interface Broadcaster<Options extends object = object, Sent = unknown> {
  broadcast(
    service: string,
    body?: string,
    options?: Options & { readonly handler?: string; readonly contentType?: string },
  ): Promise<Sent>;
}

/** What the contract leaves to say of a broadcast. */
export type TypedBroadcastOptions<Options extends object> = Omit<Options, "handler" | "contentType"> & {
  readonly handler?: never;
  readonly contentType?: never;
};

/** Sends the broadcasts that a contract declares; nothing where it declares none. */
export type TypedBroadcasts<C extends Contract, Options extends object = object, Sent = unknown> = [
  BroadcastName<C>,
] extends [never]
  ? unknown
  : {
      readonly broadcast: <B extends BroadcastName<C>>(
        name: B,
        ...more: undefined extends BroadcastSent<C, B>
          ? [input?: BroadcastSent<C, B>, options?: TypedBroadcastOptions<Options>]
          : [input: BroadcastSent<C, B>, options?: TypedBroadcastOptions<Options>]
      ) => Promise<Sent>;
    };

/** The member of a typed client, where client and contract have any (C6). */
export function broadcastFunction(
  client: Partial<Broadcaster>,
  { service, broadcasts = {} }: Contract,
): { readonly broadcast?: (name: string, input?: unknown, options?: object) => Promise<unknown> } {
  if (client.broadcast === undefined || Object.keys(broadcasts).length === 0) return {};
  const broadcaster = client as Broadcaster;
  return {
    async broadcast(name, input, options) {
      const definition = Object.hasOwn(broadcasts, name) ? broadcasts[name] : undefined;
      if (definition === undefined) {
        const fault = `broadcast: ${service} declares none of the name ${JSON.stringify(name)}`;
        throw new ShardcastError("SHARDCAST_INVALID_REQUEST", fault);
      }
      const body = await inputText(name, definition, input);
      const asked = { ...options, handler: name };
      return broadcaster.broadcast(
        service,
        body,
        body === undefined ? asked : { ...asked, contentType: "application/json" },
      );
    },
  };
}
