import { closeSync, openSync, writeSync } from "node:fs";

/** One deposit or withdrawal that a handler has stored, booked or refused. */
export interface Effect {
  readonly key: string;
  /** The request's id. */
  readonly id: string;
  readonly lane: number;
  readonly offset: number;
  readonly member: string;
  readonly handler: string;
  /** The request was stored by an earlier delivery; this one changed nothing. */
  readonly repeated: boolean;
  readonly pid: number;
  /** When the handler began and when the account was stored: epoch milliseconds with a fraction. */
  readonly start: number;
  readonly end: number;
}

export interface EffectsFile {
  write(effect: Effect): void;
  close(): void;
}

/**
 * Appends effects to a file, a JSON line each; any number of processes may share it. A process that is killed between
 * storing an account and this line leaves an effect without a line: who reads it finds the line of the next delivery,
 * with `repeated`.
 */
export function openEffectsFile(path: string): EffectsFile {
  const fd = openSync(path, "a");
  return {
    // In one write, and at once: a line is whole, and behind those of everything that ended before.
    write: (effect) => void writeSync(fd, `${JSON.stringify(effect)}\n`),
    close: () => closeSync(fd),
  };
}
