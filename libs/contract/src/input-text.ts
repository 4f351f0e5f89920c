import { ShardcastError } from "@shardcast/protocol/errors";
import type { Schema } from "./schema.ts";
import { issuesText } from "./validate.ts";
import { encodeWith } from "./wire.ts";

/**
 * The JSON of what is sent to a handler or a broadcast of this name; undefined for an empty body.
 *
 * @throws {ShardcastError} SHARDCAST_INVALID_REQUEST with status 422 when it does not fit
 */
export async function inputText(
  name: string,
  { input: schema }: { readonly input?: Schema },
  input: unknown,
): Promise<string | undefined> {
  if (schema === undefined) {
    if (input === undefined) return undefined;
    throw new ShardcastError("SHARDCAST_INVALID_REQUEST", `${name}: takes no input`, { status: 422 });
  }
  const encoded = await encodeWith(schema, input);
  if (encoded.ok) return encoded.text;
  const { issues } = encoded;
  throw new ShardcastError("SHARDCAST_INVALID_REQUEST", `${name}: ${issuesText(issues)}`, {
    status: 422,
    extensions: { issues },
  });
}
