const INDEX = /^(?:0|[1-9][0-9]*)$/;

/** What is at a JSON pointer (RFC 6901); undefined where nothing is. */
export function atPointer(value: unknown, pointer: string): unknown {
  let found = value;
  for (const segment of pointer.split("/").slice(1)) {
    const name = segment.replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, name)) return undefined;
    // Of an array, only its items: it has a length as well.
    if (Array.isArray(found) && !INDEX.test(name)) return undefined;
    found = (found as Record<string, unknown>)[name];
  }
  return found;
}
