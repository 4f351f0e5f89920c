/** What both kinds of document allow as a name of a component. */
const NOT_ALLOWED = /[^A-Za-z0-9_-]+/g;

/** Names for parts of a document, made of names that may be anything; no two of them the same. */
export class UniqueNames {
  readonly #taken = new Set<string>();

  take(wanted: string): string {
    const base = wanted.replace(NOT_ALLOWED, "_");
    let name = base;
    for (let n = 2; this.#taken.has(name); n++) name = `${base}_${n}`;
    this.#taken.add(name);
    return name;
  }
}
