import type { PacedResult } from "./paced/run.ts";

/** Callers saw errors where there must be none. */
export class Failed extends Error {
  constructor(what: string, { failed, examples }: PacedResult) {
    super(`${what}: ${failed} failed requests, e.g.\n  ${examples.join("\n  ")}`);
    this.name = "Failed";
  }
}
