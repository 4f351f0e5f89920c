import type { ResultEnd } from "@shardcast/protocol";

const LENGTH_BYTES = 4;

/** An end as it is kept in the file: everything but the body as JSON, its length before it, the body behind it. */
export function toBytes({ body, ...rest }: ResultEnd): Buffer {
  const text = Buffer.from(JSON.stringify(rest));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(text.byteLength);
  return Buffer.concat([length, text, body]);
}

/** The end that {@link toBytes} wrote; its body shares no byte with what was given. */
export function fromBytes(bytes: Buffer): ResultEnd {
  const bodyAt = LENGTH_BYTES + bytes.readUInt32BE(0);
  const rest = JSON.parse(bytes.toString("utf8", LENGTH_BYTES, bodyAt)) as Omit<ResultEnd, "body">;
  return { ...rest, body: Buffer.from(bytes.subarray(bodyAt)) };
}
