const MAX_PRINTED = 20;
const MAX_CASE_CHARACTERS = 4_000;

/** What went wrong, each printed at once with the case that did it. */
export class Violations {
  readonly #seed: number;
  #count = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  get count(): number {
    return this.#count;
  }

  add(what: string, input: unknown = undefined): void {
    this.#count++;
    if (this.#count > MAX_PRINTED) return;
    const text = input === undefined ? "" : `\n  case: ${JSON.stringify(input, readable)}`;
    console.error(`VIOLATION (seed ${this.#seed}): ${what}${text.slice(0, MAX_CASE_CHARACTERS)}`);
    if (this.#count === MAX_PRINTED) console.error("further violations are only counted");
  }
}

/** Bytes as Latin-1 text, which names every byte and shows what can be read; long ones cut. */
function readable(this: unknown, _key: string, value: unknown): unknown {
  // Buffers come with toJSON, so their replacement arrives as {type, data}.
  if (typeof value === "object" && value !== null && (value as { type?: unknown }).type === "Buffer") {
    return shorten(Buffer.from((value as { data: number[] }).data).toString("latin1"));
  }
  return typeof value === "string" ? shorten(value) : value;
}

function shorten(text: string): string {
  return text.length <= 600 ? text : `${text.slice(0, 400)}…(${text.length} characters)…${text.slice(-100)}`;
}
