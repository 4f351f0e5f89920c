/** Printed of one sort, and of all. */
const MAX_OF_A_SORT = 2;
const MAX_PRINTED = 30;
const MAX_CASE_CHARACTERS = 3_000;

/** What went wrong, each printed at once with the case that did it. */
export class Violations {
  readonly #seed: number;
  /** How often each sort was met: what was said, without its numbers. */
  readonly #sorts = new Map<string, number>();
  #count = 0;
  #printed = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  get count(): number {
    return this.#count;
  }

  add(what: string, input: unknown = undefined): void {
    this.#count++;
    const sort = what
      .replace(/["\n{].*/s, "")
      .replaceAll(/[0-9]+/g, "")
      .slice(0, 60);
    const met = (this.#sorts.get(sort) ?? 0) + 1;
    this.#sorts.set(sort, met);
    if (met > MAX_OF_A_SORT || this.#printed >= MAX_PRINTED) return;
    this.#printed++;
    const text = input === undefined ? "" : `\n  case: ${JSON.stringify(input, readable)}`;
    console.error(`VIOLATION (seed ${this.#seed}): ${what}${text.slice(0, MAX_CASE_CHARACTERS)}`);
  }

  /** Says how many more there were than were printed. */
  summarize(): void {
    if (this.#count === 0) return;
    console.error(`${this.#count} violations, ${this.#printed} of them printed:`);
    for (const [sort, met] of this.#sorts) console.error(`  ${met} × ${sort}`);
  }
}

/** Bytes as ASCII text, with the rest as `\\xNN`; long ones cut. */
function readable(this: unknown, _key: string, value: unknown): unknown {
  // Buffers come with toJSON, so their replacement arrives as {type, data}.
  if (typeof value === "object" && value !== null && (value as { type?: unknown }).type === "Buffer") {
    return shorten(Buffer.from((value as { data: number[] }).data).toString("latin1"));
  }
  if (value instanceof Uint8Array) return shorten(Buffer.from(value).toString("latin1"));
  return typeof value === "string" ? shorten(value) : value;
}

function shorten(text: string): string {
  const cut =
    text.length <= 600 ? text : `${text.slice(0, 400)} … ${text.length} characters … ${text.slice(-100)}`;
  return cut.replaceAll(/[^\r\n\t\x20-\x7e…]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
}
