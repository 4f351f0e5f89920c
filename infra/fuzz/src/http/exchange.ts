import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export interface Step {
  readonly bytes: Buffer;
  /** Before the next one. */
  readonly pauseMs: number;
}

/**
 * How a caller leaves: once it has its answers; or, where nobody knows how many there will be, when it has been quiet for
 * a while, saying that it is done and reading on; or at once. (Node drops answers that are due when a caller half-closes,
 * so one that wants them does not.)
 */
export type Ending = "answered" | "quiet" | "destroy";

export interface ExchangeOptions {
  readonly ending: Ending;
  /** Are these all the answers? */
  readonly complete: (received: Buffer) => boolean;
  readonly limitMs: number;
}

const QUIET_MS = 60;

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
  { ending, complete, limitMs }: ExchangeOptions,
): Promise<Exchanged> {
  const socket = connect({ host: hostname, port: Number(port), noDelay: true, allowHalfOpen: true });
  const received: Buffer[] = [];
  let reset = false;
  let hung = false;
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  let sent = false;
  const leave = () => {
    if (sent && complete(Buffer.concat(received))) socket.destroy();
  };
  socket.on("data", (chunk) => {
    received.push(chunk);
    leave();
  });
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
  sent = true;
  leave();
  if (ending === "destroy") socket.destroy();
  if (ending === "quiet") socket.setTimeout(QUIET_MS, () => socket.end());
  await closed;
  clearTimeout(timer);
  return { received: Buffer.concat(received), reset, hung };
}
