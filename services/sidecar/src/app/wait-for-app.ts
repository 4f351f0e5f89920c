import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import type { Application } from "./application.ts";

export interface WaitOptions {
  readonly healthUrl: URL;
  /** Between two questions, milliseconds. */
  readonly intervalMs: number;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Resolves when the application answers its health URL with 2xx. @throws the signal's reason */
export async function waitForApp(
  application: Pick<Application, "answersWell">,
  { healthUrl, intervalMs, logger, signal }: WaitOptions,
): Promise<void> {
  let told = false;
  while (!(await application.answersWell(healthUrl, signal))) {
    if (!told) logger.info({ healthUrl: healthUrl.href }, "waiting for the application");
    told = true;
    await delay(intervalMs, undefined, { signal });
  }
}
