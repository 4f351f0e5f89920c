import { TerminalError } from "@shardcast/worker";
import { attributeEncoded } from "./attribute-encoded.ts";

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/; // RFC 9110 token
// biome-ignore lint/suspicious/noControlCharactersInRegex: what RFC 9110 does not allow in a field value
const BAD_VALUE = /[\u0000-\u0008\u000a-\u001f\u007f]|[^\u0000-\u00ff]/;

/** Of one connection and one message: they say nothing about what is carried. */
const OF_THE_MESSAGE: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "content-type",
  "expect",
  "host",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Headers that go from one message to another as they are. */
export function carried(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !OF_THE_MESSAGE.has(name)));
}

/** What a sender's headers become on the way to the application: attributes of an event are encoded again, as HTTP has them. */
export function brought(headers: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(carried(headers)).filter(([name]) => !name.startsWith("shardcast-"));
  return Object.fromEntries(
    entries.map(([name, value]) => [name, name.startsWith("ce-") ? attributeEncoded(value) : value]),
  );
}

/** Whether HTTP can carry it. Who writes on the log without a gateway may have written anything. */
export function fitsHttp(name: string, value: string): boolean {
  return NAME.test(name) && !BAD_VALUE.test(value);
}

/** @throws {TerminalError} 400 that names the header which HTTP can not carry */
export function assertFitHttp(headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) {
    if (!fitsHttp(name, value)) {
      throw new TerminalError(`header ${JSON.stringify(name)}: HTTP can not carry it`, { status: 400 });
    }
  }
}
