import { subscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";

/**
 * Counts what this process asks Kafka from now on, by API key: every frame that leaves on a plain TCP connection. In the
 * process and not in a proxy: clients follow the addresses that a broker advertises, past any proxy.
 */
export function countRequests(): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  subscribe("net.client.socket", (message) => {
    const { socket } = message as { socket: Socket };
    const count = frameCounter((apiKey) => counts.set(apiKey, (counts.get(apiKey) ?? 0) + 1));
    // Not before: connecting puts the original back. kafkajs writes nothing earlier.
    socket.once("connect", () => {
      const write = socket.write;
      socket.write = function (this: Socket, chunk: Uint8Array | string, ...rest: unknown[]) {
        count(Buffer.from(chunk as Uint8Array));
        return Reflect.apply(write, this, [chunk, ...rest]);
      } as Socket["write"];
    });
  });
  return counts;
}

/** Calls back with the API key of each frame: four bytes of length, two of the key, the rest. */
export function frameCounter(onFrame: (apiKey: number) => void): (chunk: Buffer) => void {
  let head: Buffer = Buffer.alloc(0);
  /** Of the frame whose head was seen. */
  let left = 0;
  return (chunk) => {
    let rest = chunk;
    while (rest.length > 0) {
      if (left > 0) {
        const taken = Math.min(left, rest.length);
        left -= taken;
        rest = rest.subarray(taken);
        continue;
      }
      const missing = 6 - head.length;
      head = Buffer.concat([head, rest.subarray(0, missing)]);
      rest = rest.subarray(missing);
      if (head.length < 6) return;
      left = head.readInt32BE(0) - 2;
      onFrame(head.readInt16BE(4));
      head = Buffer.alloc(0);
    }
  };
}
