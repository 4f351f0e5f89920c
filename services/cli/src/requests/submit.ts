import type { SubmitOptions } from "@shardcast/http-client";
import type { Call } from "../call.ts";
import type { WordValues } from "../command.ts";
import { bytesOf } from "../config/body.ts";
import type { GLOBAL, REQUESTING } from "../config/common.ts";
import type { KEYED, SENDING } from "../config/request.ts";
import type { Values } from "../config/setting.ts";
import { defined } from "../defined.ts";
import type { ExitName } from "../exit-codes.ts";

export type KeyedOptions = Values<typeof SENDING & typeof REQUESTING & typeof GLOBAL>;

/** Puts a request on the log and prints its id: it is recorded, and can be asked for. */
export async function submit(
  { client, world }: Call,
  { service, key, handler }: WordValues<typeof KEYED>,
  options: KeyedOptions,
): Promise<ExitName> {
  const { stdout } = world;
  const body = await bytesOf(options.data, world);
  const { id } = await client.submit(service, key, body, {
    ...sendOptionsOf(options),
    ...defined({ handler }),
  });
  stdout.write(options.json ? `${JSON.stringify({ id })}\n` : `${id}\n`);
  return "satisfied";
}

/** In the client's words. */
export function sendOptionsOf({
  contentType,
  header,
  idempotencyKey,
  timeout,
  delay,
}: KeyedOptions): SubmitOptions {
  const notBeforeMs = delay === undefined ? undefined : Date.now() + delay;
  return defined({ contentType, headers: header, idempotencyKey, timeoutMs: timeout, notBeforeMs });
}
