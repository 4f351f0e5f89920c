import { append, measure } from "./inspect.ts";
import type { Answer, AppendResult, Holdings, Job } from "./messages.ts";
import { startSystem } from "./system.ts";

/** The system under test, a process of its own: its crash is seen, its hang can not stop the fuzzer. */
process.once("disconnect", () => process.exit(1));
process.on("uncaughtException", (error) => say({ kind: "fault", what: `uncaught: ${error.stack ?? error}` }));
process.on("unhandledRejection", (reason) => {
  say({
    kind: "fault",
    what: `unhandled rejection: ${reason instanceof Error ? reason.stack : String(reason)}`,
  });
});
process.on("warning", ({ name, message }) => {
  if (name === "MaxListenersExceededWarning") say({ kind: "fault", what: `${name}: ${message}` });
});

const system = await startSystem();
process.on("message", (job: Job) => void run(job).then((result) => say({ kind: "done", result })));
say({ kind: "ready", url: system.gateway.url });

async function run(job: Job): Promise<AppendResult | Holdings | undefined> {
  switch (job.kind) {
    case "append":
      return append(system, job.records, job.limitMs);
    case "measure":
      return measure(system, job.limitMs);
    case "close":
      await system.close();
      return undefined;
  }
}

function say(answer: Answer): void {
  process.send?.(answer);
}
