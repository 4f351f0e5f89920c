import type { Clause } from "./checker/history.ts";

/** A guarantee switched off: a text of the sources, which occurs once, and what takes its place. */
export interface Mutation {
  readonly name: string;
  /** What the checker must report, one of these at least. */
  readonly breaks: readonly Clause[];
  readonly changes: readonly {
    /** From the root of the repository. */
    readonly file: string;
    readonly find: string;
    readonly replace: string;
  }[];
}

export const MUTATIONS: readonly Mutation[] = [
  {
    // Handlers start whenever there is work: a zombie does until it finds out.
    name: "leases",
    breaks: ["C2"],
    changes: [
      {
        file: "libs/worker/src/execution/lease.ts",
        find: "return performance.now() < this.#untilMs;",
        replace: "return true;",
      },
    ],
  },
  {
    // Each session writes under a name of its own, so none ends the one before: a zombie's commits succeed.
    name: "fencing",
    breaks: ["C2"],
    changes: [
      {
        file: "libs/log-kafka/src/session.ts",
        find: "transactionalId: `",
        replace: "transactionalId: crypto.randomUUID() + `",
      },
    ],
  },
  {
    // A lane is released while its handlers run.
    name: "draining",
    breaks: ["C1", "C10"],
    changes: [
      {
        file: "libs/worker/src/ownership/held-lane.ts",
        find: "await Promise.race([this.execution.drain(), aborted(this.signal)]);",
        replace: "void this.execution.drain();",
      },
    ],
  },
  {
    // What is committed is where reading has got to, not what is done.
    name: "low-water-mark",
    breaks: ["C3"],
    changes: [
      {
        file: "libs/worker/src/execution/lane-progress.ts",
        find: "return { offset: low, metadata: encodeDoneAbove(low, above) };",
        replace: 'return { offset: above.length < 0 ? low : this.#next, metadata: "" };',
      },
    ],
  },
  {
    // What is recorded is not looked at: a request that is sent again runs again.
    name: "idempotency",
    breaks: ["C5"],
    changes: [
      {
        file: "libs/worker/src/execution/handle.ts",
        find: "if (request.recording !== undefined) {",
        replace: "if (request.recording === null) {",
      },
    ],
  },
  {
    // A member that comes back begins with what is sent from then on.
    name: "catch-up",
    breaks: ["C6"],
    changes: [
      {
        file: "libs/worker/src/broadcasts/durable.ts",
        find: 'const from = found ?? { offset: low, metadata: "" };',
        replace: 'const from = { offset: low > high ? low : high, metadata: "" };',
      },
    ],
  },
];

/** @throws {Error} when the text does not occur exactly once: the sources have changed, and so must the mutation */
export function mutated(text: string, { file, find, replace }: Mutation["changes"][number]): string {
  const times = text.split(find).length - 1;
  if (times !== 1) throw new Error(`${file} has ${times} times what is to be replaced: ${find}`);
  return text.replace(find, () => replace);
}
