import { nowMs } from "../clock.ts";
import { Child, type ChildMessage } from "../processes/child.ts";

/** What became of a lane at a member. */
export interface LaneEvent {
  readonly kind: "lane";
  readonly event: "acquired" | "released" | "lost";
  readonly lane: number;
  /** By `nowMs`. */
  readonly atMs: number;
}

export interface Usage {
  readonly kind: "usage";
  /** By `nowMs`. */
  readonly atMs: number;
  /** Of all its life. */
  readonly cpuMs: number;
  /** Requests to the broker by API key, of all its life. */
  readonly requests: ReadonlyMap<number, number>;
}

export interface MemberOptions {
  readonly ordinal: number;
  readonly env: Readonly<Record<string, string>>;
  readonly onLane: (event: LaneEvent) => void;
}

interface Running {
  readonly child: Child;
  /** The lanes whose handlers may start there. */
  readonly lanes: Set<number>;
  readonly ready: Promise<unknown>;
}

const SCRIPT = import.meta.resolve("../processes/member.ts");

/** A replica's place in the cluster, whose process may end and be started again. */
export class Member {
  readonly ordinal: number;
  readonly #options: MemberOptions;
  #running: Running | undefined;
  #stopped = false;

  constructor(options: MemberOptions) {
    this.ordinal = options.ordinal;
    this.#options = options;
  }

  /** Resolves to how long it took from the spawn to the first line of the program's own, imports included. */
  async start(): Promise<number> {
    const { ordinal, env } = this.#options;
    if (this.#stopped) throw new Error(`worker ${ordinal} is not to be started any more`);
    const lanes = new Set<number>();
    const onMessage = (message: ChildMessage) => {
      if (message.kind === "lane") this.#onLane(lanes, message as unknown as LaneEvent);
    };
    const spawnedMs = nowMs();
    const child = new Child(`worker ${ordinal}`, SCRIPT, { env, onMessage });
    const ready = child.message("ready");
    ready.catch(() => {}); // whoever needs it is told by `ready`
    this.#running = { child, lanes, ready };
    return (await child.message<{ kind: "begun"; atMs: number }>("begun")).atMs - spawnedMs;
  }

  /** Resolves when it owns what the shard map gives it, but for what others have not given back yet. */
  async ready(): Promise<void> {
    await this.#process.ready;
  }

  /** Ascending. */
  get lanes(): number[] {
    return [...(this.#running?.lanes ?? [])].sort((a, b) => a - b);
  }

  get pid(): number | undefined {
    return this.#running?.child.pid;
  }

  /** Ends its process as a crash does. */
  async kill(): Promise<void> {
    await this.#process.child.end("SIGKILL");
    this.#running?.lanes.clear();
  }

  /** Ends its process in order. Rejects when it failed at that. */
  async terminate(): Promise<void> {
    const code = await this.#process.child.end("SIGTERM");
    this.#running?.lanes.clear();
    if (code !== 0) throw new Error(`worker ${this.ordinal} did not end in order: exit code ${code}`);
  }

  async usage(): Promise<Usage> {
    return await this.#process.child.ask<Usage>({}, "usage");
  }

  /** What is awaited, unless the process ends by itself or it takes too long. */
  async within<T>(awaited: Promise<T>, what: string, limitMs?: number): Promise<T> {
    return await this.#process.child.within(awaited, what, limitMs);
  }

  /** For good. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running?.child.stop();
  }

  get #process(): Running {
    if (this.#running === undefined) throw new Error(`worker ${this.ordinal} was not started`);
    return this.#running;
  }

  #onLane(lanes: Set<number>, event: LaneEvent): void {
    if (event.event === "acquired") lanes.add(event.lane);
    else lanes.delete(event.lane);
    this.#options.onLane(event);
  }
}
