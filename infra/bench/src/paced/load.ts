import { setTimeout as sleep } from "node:timers/promises";
import { nowMs } from "../clock.ts";
import { Child } from "../processes/child.ts";
import type { PacedJob } from "../processes/paced.ts";
import type { Resources } from "../resources.ts";
import type { PacedPlan, PacedResult } from "./run.ts";
import type { Wanted } from "./served.ts";

const SCRIPT = import.meta.resolve("../processes/paced.ts");

/** The open-loop generator in its process, as the bench sees it. */
export class PacedLoad {
  readonly #child: Child;

  private constructor(child: Child) {
    this.#child = child;
  }

  static async start(resources: Resources): Promise<PacedLoad> {
    const child = resources.add(new Child("paced load", SCRIPT));
    await child.message("ready");
    return new PacedLoad(child);
  }

  /** Resolves when every lane that is asked answers. */
  async begin(plan: PacedPlan): Promise<void> {
    await this.#ask("begun", { kind: "begin", ...plan });
    await this.served({ lanes: [...new Set(plan.targets.map(({ lane }) => lane))], afterMs: nowMs() });
  }

  /** Resolves to when each of the lanes had had an answer to a request of after that time. */
  async served(wanted: Wanted): Promise<number> {
    return (await this.#ask<{ kind: "served"; atMs: number }>("served", { kind: "served", ...wanted })).atMs;
  }

  /** Stops sending, and waits for all answers. */
  async end(): Promise<PacedResult> {
    return await this.#ask<PacedResult & { kind: "result" }>("result", { kind: "end" });
  }

  /** Load for a time, whose figures nobody wants. */
  async warmUp(plan: PacedPlan, durationMs: number): Promise<void> {
    await this.begin(plan);
    await sleep(durationMs);
    await this.end();
  }

  #ask<T extends { readonly kind: string }>(kind: T["kind"], job: PacedJob): Promise<T> {
    return this.#child.ask<T>(job, kind);
  }
}
