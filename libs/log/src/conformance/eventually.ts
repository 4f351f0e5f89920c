import { setTimeout as sleep } from "node:timers/promises";

/** Waits for what no event tells, such as `Log.available`. The test's time-out is the bound. */
export async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(10);
}
