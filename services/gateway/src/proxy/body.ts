import type { IncomingMessage } from "node:http";
import { ShardcastError } from "@shardcast/protocol";

/** Of these a body means nothing (RFC 9110, 9.3.1), and who takes one for the next request is not far. */
const BODYLESS = new Set(["GET", "HEAD", "TRACE"]);

/** @throws {ShardcastError} SHARDCAST_INVALID_REQUEST for a body where none belongs */
export function bodyFor({ method = "", headers }: IncomingMessage): void {
  if (!BODYLESS.has(method)) return;
  const { "content-length": length, "transfer-encoding": encoding } = headers;
  if (encoding === undefined && (length === undefined || length === "0")) return;
  throw new ShardcastError("SHARDCAST_INVALID_REQUEST", `a ${method} with a body is not proxied`);
}

/**
 * All of a body, because the key is in it.
 *
 * @throws {ShardcastError} SHARDCAST_BODY_TOO_LARGE; SHARDCAST_ABORTED when the caller leaves before its end
 */
export async function readBody(raw: IncomingMessage, limit: number): Promise<Buffer> {
  const tooLarge = () =>
    new ShardcastError(
      "SHARDCAST_BODY_TOO_LARGE",
      `with its key in the body, a request has at most ${limit} bytes`,
    );
  if (Number(raw.headers["content-length"] ?? 0) > limit) throw tooLarge();
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of raw.iterator({ destroyOnReturn: false })) {
      length += (chunk as Buffer).byteLength;
      if (length > limit) throw tooLarge();
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    if (raw.aborted) throw new ShardcastError("SHARDCAST_ABORTED", "the caller has left", { cause: error });
    throw error;
  }
  return Buffer.concat(chunks);
}
