import { type PacedPlan, PacedRun } from "../paced/run.ts";
import type { Wanted } from "../paced/served.ts";
import { onStop, say } from "./say.ts";

/** What the bench has the generator do. */
export type PacedJob =
  | ({ readonly kind: "begin" } & PacedPlan)
  | ({ readonly kind: "served" } & Wanted)
  | { readonly kind: "end" };

/** The open-loop load generator: one run after the other. */
let run: PacedRun | undefined;

process.on("message", (job: PacedJob) => {
  void perform(job);
});
process.channel?.ref();
onStop(async () => {});
say({ kind: "ready" });

async function perform(job: PacedJob): Promise<void> {
  switch (job.kind) {
    case "begin":
      run = new PacedRun(job);
      say({ kind: "begun" });
      return;
    case "served":
      if (run !== undefined) say({ kind: "served", atMs: await run.served(job) });
      return;
    case "end":
      if (run !== undefined) say({ kind: "result", ...(await run.end()) });
  }
}
