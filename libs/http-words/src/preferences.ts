/** One preference of a Prefer header: `wait=10` has the name `wait` and the value `10`. */
export interface Preference {
  readonly name: string;
  readonly value: string;
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const QUOTED = /^"(?:[^"\\]|\\.)*"$/;

/**
 * The preferences of a Prefer header, lower-case names, the first of each name only (RFC 7240: the rest is ignored).
 * What is not a preference is left out, since a server must ignore preferences it does not understand.
 *
 * Written here: the one parser in the registry (parse-prefer-header 1.0.0) is abandoned and renames what it reads.
 */
export function parsePrefer(header: string): readonly Preference[] {
  const found = new Map<string, Preference>();
  for (const item of split(header, ",")) {
    // RFC 7240, section 2: token [ = word ] *( ; parameter ). No parameter is defined for the preferences we know.
    const [preference = ""] = split(item, ";");
    const equals = preference.indexOf("=");
    const token = (equals < 0 ? preference : preference.slice(0, equals)).trim();
    const value = equals < 0 ? "" : unquote(preference.slice(equals + 1).trim());
    const name = token.toLowerCase();
    if (TOKEN.test(token) && value !== undefined && !found.has(name)) found.set(name, { name, value });
  }
  return [...found.values()];
}

/** The parts between separators that are not in quotes. One pass: a regular expression is quadratic here. */
function split(text: string, separator: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') quoted = !quoted;
    else if (quoted && character === "\\") at++;
    else if (!quoted && character === separator) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

/** The text of a word; undefined when it is none. */
function unquote(word: string): string | undefined {
  if (word === "" || TOKEN.test(word)) return word;
  return QUOTED.test(word) ? word.slice(1, -1).replaceAll(/\\(.)/g, "$1") : undefined;
}
