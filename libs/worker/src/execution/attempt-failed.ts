/** Carries what a handler threw, whatever it is: p-retry takes TypeErrors for final and refuses what is no Error. */
export class AttemptFailed extends Error {
  readonly thrown: unknown;

  constructor(thrown: unknown) {
    super("attempt failed", { cause: thrown });
    this.thrown = thrown;
  }
}

/** What was thrown, in words. */
export function messageOf(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown);
  } catch {
    return Object.prototype.toString.call(thrown); // e.g. an object without a prototype
  }
}
