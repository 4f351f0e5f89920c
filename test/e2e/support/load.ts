import type { Cluster } from "./cluster.ts";
import type { Answer } from "./http.ts";

/** One request of the load, told from all others by its number. */
export interface Call {
  readonly n: number;
  readonly key: string;
  readonly handler: string;
  readonly timeoutS: number;
  /** Default: the number. */
  readonly body?: string;
}

export interface Done {
  readonly call: Call;
  /** Undefined when the connection failed without an answer. */
  readonly answer: Answer | undefined;
  readonly error: unknown;
  /** Monotonic milliseconds. */
  readonly endedMs: number;
}

export interface LoadOptions {
  readonly callers: number;
  /** The next call of a caller; undefined ends that caller. */
  readonly next: (n: number, caller: number) => Omit<Call, "n"> | undefined;
  /** Wait of a caller after an answer other than 200. Default none. */
  readonly pauseMs?: number;
}

export interface Load {
  /** What has ended so far, in that order. */
  readonly done: readonly Done[];
  /** Resolves when this holds; asked after each answer. */
  until(holds: (done: readonly Done[]) => boolean): Promise<void>;
  /** Begins no call any more and waits for those under way. */
  stop(): Promise<readonly Done[]>;
  /** Resolves when every caller has ended by itself. */
  readonly finished: Promise<readonly Done[]>;
}

/** Callers that send one request after another, each as soon as it has the answer to its last. */
export function startLoad({ http, path }: Pick<Cluster, "http" | "path">, options: LoadOptions): Load {
  const { callers, next, pauseMs = 0 } = options;
  const done: Done[] = [];
  const waiting = new Set<() => void>();
  let stopped = false;
  let count = 0;

  async function caller(index: number): Promise<void> {
    while (!stopped) {
      const chosen = next(count, index);
      if (chosen === undefined) return;
      const call: Call = { n: count++, ...chosen };
      let answer: Answer | undefined;
      let error: unknown;
      try {
        const { key, handler, timeoutS, body = String(call.n) } = call;
        answer = await http.post(path(key, handler), body, { timeoutS });
      } catch (thrown) {
        error = thrown;
      }
      done.push({ call, answer, error, endedMs: performance.now() });
      for (const look of [...waiting]) look();
      if (answer?.status !== 200 && pauseMs > 0) await new Promise((wake) => setTimeout(wake, pauseMs));
    }
  }

  const finished = Promise.all(Array.from({ length: callers }, (_, index) => caller(index))).then(() => done);
  return {
    done,
    finished,
    until: (holds) =>
      new Promise((resolve) => {
        const look = () => {
          if (!holds(done)) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    stop() {
      stopped = true;
      return finished;
    },
  };
}

/** How often each status came; `none` stands for a connection that failed. */
export function statusesOf(done: readonly Done[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { answer } of done) {
    const status = String(answer?.status ?? "none");
    counts[status] = (counts[status] ?? 0) + 1;
  }
  return counts;
}
