import type { Gate } from "../api/gate.ts";
import { pause } from "../pause.ts";
import type { ProcessGroup } from "./process-group.ts";

/** What a process has at least between SIGTERM and SIGKILL, also when its preStop hook took all the time. */
const LEAST_MS = 2_000;

export interface Ending {
  readonly process: ProcessGroup;
  /** Fires when its grace period is over. */
  readonly deadline: AbortSignal;
  readonly gate: Gate;
  /** Resolves when the hook is done; the signal fires when there is no more time for it. */
  readonly preStop: ((signal: AbortSignal) => Promise<unknown>) | undefined;
}

/** preStop, SIGTERM, and SIGKILL when the time is over. Resolves when the process has ended. */
export async function endProcess({ process, deadline, gate, preStop }: Ending): Promise<void> {
  const ended = new AbortController();
  const exited = process.exited.then(() => ended.abort());
  if (preStop !== undefined) {
    await preStop(AbortSignal.any([deadline, ended.signal]));
    await gate.passed();
  }
  const late = deadline.aborted;
  if (!ended.signal.aborted) process.terminate();
  if (late) await pause(LEAST_MS, ended.signal);
  else await Promise.race([exited, fired(deadline)]);
  await gate.passed();
  if (!ended.signal.aborted) process.signal("SIGKILL");
  await exited;
}

function fired(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
