import { Caller } from "../caller.ts";
import { nowMs } from "../clock.ts";
import type { Sample } from "./samples.ts";
import { ServedWatch, type Wanted } from "./served.ts";

export interface Target {
  readonly lane: number;
  readonly key: string;
}

/** An open loop: requests leave at a fixed rate, however long the answers take. */
export interface PacedPlan {
  readonly url: string;
  readonly ratePerSecond: number;
  /** Asked in turn. */
  readonly targets: readonly Target[];
}

export interface PacedResult {
  readonly samples: readonly Sample[];
  /** Requests that were not answered 2xx with their own body. */
  readonly failed: number;
  /** The first few of them. */
  readonly examples: readonly string[];
}

const MAX_EXAMPLES = 5;
const ANSWER = /^([0-9]+) (.*)$/s;

/** Load from the moment it is made to its end. */
export class PacedRun {
  readonly #plan: PacedPlan;
  readonly #host: string;
  readonly #port: number;
  readonly #begunMs = nowMs();
  readonly #samples: Sample[] = [];
  readonly #served = new ServedWatch(this.#samples);
  readonly #examples: string[] = [];
  readonly #open = new Set<Promise<void>>();
  readonly #idle: Caller[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sent = 0;
  #failed = 0;

  constructor(plan: PacedPlan) {
    const { hostname, port } = new URL(plan.url);
    this.#plan = plan;
    this.#host = hostname;
    this.#port = Number(port);
    this.#sendDue();
  }

  /** Resolves to when each of the lanes had had an answer to a request of after that time. */
  served(wanted: Wanted): Promise<number> {
    return this.#served.until(wanted);
  }

  /** Sends no more, and waits for all answers. */
  async end(): Promise<PacedResult> {
    clearTimeout(this.#timer);
    await Promise.all(this.#open);
    for (const caller of this.#idle) caller.close();
    return { samples: this.#samples, failed: this.#failed, examples: this.#examples };
  }

  #sendDue(): void {
    let dueMs = this.#dueMs();
    for (const now = nowMs(); dueMs <= now; dueMs = this.#dueMs()) {
      const asking = this.#ask(this.#sent++, dueMs);
      this.#open.add(asking);
      void asking.then(() => this.#open.delete(asking));
    }
    this.#timer = setTimeout(() => this.#sendDue(), dueMs - nowMs());
  }

  #dueMs(): number {
    return this.#begunMs + (this.#sent * 1000) / this.#plan.ratePerSecond;
  }

  /** Never rejects. */
  async #ask(number: number, dueMs: number): Promise<void> {
    const { targets } = this.#plan;
    const { lane, key } = targets[number % targets.length] as Target;
    const asked = `request ${number}`;
    try {
      const caller = await this.#caller();
      const { status, body } = await caller.post(`/v1/bench/keys/${key}/owner`, asked);
      this.#idle.push(caller);
      const [, by, echoed] = ANSWER.exec(body) ?? [];
      if (status < 200 || status > 299 || echoed !== asked) {
        this.#fail(`${asked} got ${status} ${body.slice(0, 300)}`);
        return;
      }
      const sample = { lane, dueMs, answeredMs: nowMs(), by: Number(by) };
      this.#samples.push(sample);
      this.#served.saw(sample);
    } catch (error) {
      this.#fail(`${asked}: ${String(error)}`);
    }
  }

  /** A connection that is free, or a new one: the answers of a lane that waits must not hold up others. */
  async #caller(): Promise<Caller> {
    for (let caller = this.#idle.pop(); caller !== undefined; caller = this.#idle.pop()) {
      if (!caller.closed) return caller;
    }
    return await Caller.connect(this.#host, this.#port);
  }

  #fail(what: string): void {
    this.#failed++;
    if (this.#examples.length < MAX_EXAMPLES) this.#examples.push(what);
  }
}
