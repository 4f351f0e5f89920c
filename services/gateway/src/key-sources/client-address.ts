import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";

const MAPPED = /^::ffff:(?=[0-9.]+$)/i;
/** An address with a port, as some proxies write it. */
const WITH_PORT = /^(?:\[([^\]]+)\]|([0-9.]+))(?::[0-9]+)?$/;

/**
 * The address of who asks. Each trusted proxy has added to `X-Forwarded-For` whom it was asked by: with n of them it is the n-th entry
 * from the end, and what is before it anybody may have written. Without a list that is long enough, the nearest that is known.
 */
export function clientAddress(request: IncomingMessage, trustedProxies: number): string | undefined {
  const peer = request.socket.remoteAddress?.replace(MAPPED, "");
  if (trustedProxies === 0) return peer;
  const chain = [...forwardedFor(request), peer ?? ""];
  const found = chain[Math.max(0, chain.length - 1 - trustedProxies)];
  return found === undefined || isIP(found) === 0 ? peer : found;
}

function forwardedFor({ headers }: IncomingMessage): readonly string[] {
  const header = headers["x-forwarded-for"];
  if (header === undefined) return [];
  return String(header)
    .split(",")
    .map((entry) => {
      const text = entry.trim();
      const [, six, four] = WITH_PORT.exec(text) ?? [];
      return (six ?? four ?? text).replace(MAPPED, "");
    });
}
