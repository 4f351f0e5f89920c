import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export interface Step {
  readonly bytes: Buffer;
  /** Before the next one. */
  readonly pauseMs: number;
}

/** How a caller leaves: says that it is done and reads on, or is gone. */
export type Ending = "half-close" | "destroy";

export interface Exchanged {
  readonly received: Buffer;
  /** The connection broke, so bytes may be missing without anybody's fault. */
  readonly reset: boolean;
  /** The server did not close in time. */
  readonly hung: boolean;
}

/** Sends bytes on a connection of their own, and gives back all that came until the server closed. */
export async function exchange(
  { hostname, port }: URL,
  steps: readonly Step[],
  ending: Ending,
  limitMs: number,
): Promise<Exchanged> {
  const socket = connect({ host: hostname, port: Number(port), noDelay: true, allowHalfOpen: true });
  const received: Buffer[] = [];
  let reset = false;
  let hung = false;
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.on("data", (chunk) => received.push(chunk));
  socket.on("end", () => socket.end());
  socket.on("error", () => {
    reset = true;
  });
  const timer = setTimeout(() => {
    hung = true;
    socket.destroy();
  }, limitMs);
  for (const { bytes, pauseMs } of steps) {
    if (!socket.writable) break;
    socket.write(bytes);
    if (pauseMs > 0) await sleep(pauseMs);
  }
  if (ending === "destroy") socket.destroy();
  else socket.end();
  await closed;
  clearTimeout(timer);
  return { received: Buffer.concat(received), reset, hung };
}
