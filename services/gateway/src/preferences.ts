/** One preference of a Prefer header: `wait=10` has the name `wait` and the value `10`. */
export interface Preference {
  readonly name: string;
  readonly value: string;
}

// RFC 7240, section 2: token [ = word ] *( ; parameter ), a list. Parameters are read over: none is defined for ours.
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const QUOTED = '"(?:[^"\\\\]|\\\\.)*"';
const PREFERENCE = new RegExp(
  `^[ \\t]*(${TOKEN})[ \\t]*(?:=[ \\t]*(${TOKEN}|${QUOTED})?)?[ \\t]*(?:;(?:[^",]|${QUOTED})*)?$`,
);
const LIST_ITEM = new RegExp(`(?:[^",]|${QUOTED})+`, "g");

/**
 * The preferences of a Prefer header, lower-case names, the first of each name only (RFC 7240: the rest is ignored).
 * What is not a preference is left out, since a server must ignore preferences it does not understand.
 *
 * Written here: the one parser in the registry (parse-prefer-header 1.0.0) is abandoned and renames what it reads.
 */
export function parsePrefer(header: string): readonly Preference[] {
  const found = new Map<string, Preference>();
  for (const [item] of header.matchAll(LIST_ITEM)) {
    const [, token, word = ""] = PREFERENCE.exec(item) ?? [];
    if (token === undefined) continue;
    const name = token.toLowerCase();
    if (!found.has(name)) found.set(name, { name, value: unquote(word) });
  }
  return [...found.values()];
}

function unquote(word: string): string {
  return word.startsWith('"') ? word.slice(1, -1).replaceAll(/\\(.)/g, "$1") : word;
}
