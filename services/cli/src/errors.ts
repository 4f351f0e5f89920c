/** The call can not be made as it was written; all that is wrong with it. */
export class UsageError extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(faults.join("\n"));
    this.name = "UsageError";
    this.faults = faults;
  }
}

/** Somebody wants the process to end. */
export class Interrupted extends Error {
  readonly signal: "SIGINT" | "SIGTERM";

  constructor(signal: "SIGINT" | "SIGTERM") {
    super("interrupted");
    this.name = "Interrupted";
    this.signal = signal;
  }
}
