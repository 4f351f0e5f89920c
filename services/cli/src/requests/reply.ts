import { isUtf8 } from "node:buffer";
import type { Reply } from "@shardcast/http-client";
import type { ExitName } from "../exit-codes.ts";
import type { Output } from "../world.ts";

/** The body as it is, or all of the reply as JSON. */
export function writeReply(stdout: Output, reply: Reply, json: boolean): void {
  if (json) {
    stdout.write(`${JSON.stringify(replyToJson(reply))}\n`);
    return;
  }
  stdout.write(reply.body);
  // So that the prompt begins a line of its own.
  if (stdout.isTTY && reply.body.at(-1) !== 10) stdout.write("\n");
}

export function replyToJson({ body, ...rest }: Reply): object {
  const text = isUtf8(body);
  const bytes = Buffer.from(body);
  return { ...rest, ...(text ? { body: bytes.toString("utf8") } : { bodyBase64: bytes.toString("base64") }) };
}

/** A handler may say no with any status. */
export function exitOfReply({ status }: Pick<Reply, "status">): ExitName {
  return status >= 400 ? "failed" : "satisfied";
}
