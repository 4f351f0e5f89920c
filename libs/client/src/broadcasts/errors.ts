import { ShardcastError } from "@shardcast/protocol";

/** Whoever waited does not any more; the broadcast goes on. */
export function abortedWait({ reason }: AbortSignal, broadcastId?: string): ShardcastError {
  return new ShardcastError("SHARDCAST_ABORTED", "the caller aborted the wait for the broadcast", {
    cause: reason,
    ...(broadcastId === undefined ? {} : { extensions: { broadcastId } }),
  });
}

export function unknownBroadcast(): ShardcastError {
  return new ShardcastError("SHARDCAST_UNKNOWN_BROADCAST", "no broadcast of this id is known");
}
