import { invalidRequest } from "@shardcast/http-words";

/** What of a CloudEvent matters on its way; the rest travels as it is. */
export interface CloudEvent {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  /** The extension that says which events belong together. */
  readonly partitionKey: string | undefined;
  /** All its attributes but the content type, as the headers `ce-…` that the handler gets. */
  readonly headers: Readonly<Record<string, string>>;
}

export const REQUIRED = ["specversion", "id", "source", "type"] as const;
const NAME = /^[a-z0-9]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are exactly what CloudEvents forbids
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/**
 * An event of its attributes, without the content type.
 *
 * @param nameOf how the caller knows an attribute: the name of the header or member that is refused
 * @throws {ShardcastError} SHARDCAST_INVALID_REQUEST that names it
 */
export function eventOf(
  attributes: ReadonlyMap<string, string>,
  nameOf: (attribute: string) => string,
): CloudEvent {
  for (const [name, value] of attributes) {
    if (!NAME.test(name))
      throw invalidRequest(`${nameOf(name)}: names have lower-case letters and digits only`);
    if (CONTROL.test(value) || !value.isWellFormed()) {
      throw invalidRequest(`${nameOf(name)}: must have no control characters, and be valid Unicode`);
    }
  }
  const [version, id, source, type] = REQUIRED.map((name) => {
    const value = attributes.get(name) ?? "";
    if (value === "") throw invalidRequest(`${nameOf(name)}: must be there, as in every CloudEvent`);
    return value;
  }) as [string, string, string, string];
  if (version !== "1.0") throw invalidRequest(`${nameOf("specversion")}: only 1.0 is known here`);
  const headers = Object.fromEntries([...attributes].map(([name, value]) => [`ce-${name}`, value]));
  return { id, source, type, partitionKey: attributes.get("partitionkey") || undefined, headers };
}
