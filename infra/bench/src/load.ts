import { Caller } from "./caller.ts";

/** A closed loop: each caller sends its next request when the answer to the last one has come. */
export interface LoadPlan {
  readonly url: string;
  readonly callers: number;
  readonly durationMs: number;
  readonly keys: number;
}

export interface LoadResult {
  /** Milliseconds of each request that was answered in time, as they came. */
  readonly samples: Float64Array;
  readonly elapsedMs: number;
  /** Answers that were not 2xx with the request's own body, and connections that broke. */
  readonly faults: number;
  /** The first few of them. */
  readonly examples: readonly string[];
}

const MAX_EXAMPLES = 5;
const PADDING = "x".repeat(40);

/** Spreads consecutive numbers over the keys as chance would, the same way in each run. */
function keyAt(sequence: number, keys: number): number {
  return (Math.imul(sequence, 2_654_435_761) >>> 0) % keys;
}

/** Connects all callers first, so that connecting is not measured. */
export async function runLoad({ url, callers, durationMs, keys }: LoadPlan): Promise<LoadResult> {
  const samples: number[] = [];
  const examples: string[] = [];
  let faults = 0;
  let sequence = 0;
  const fault = (what: string) => {
    faults++;
    if (examples.length < MAX_EXAMPLES) examples.push(what);
  };
  const target = new URL(url);
  const connected = await Promise.all(
    Array.from({ length: callers }, () => Caller.connect(target.hostname, Number(target.port))),
  );

  const begunMs = performance.now();
  const endMs = begunMs + durationMs;
  await Promise.all(
    connected.map(async (caller) => {
      try {
        for (let nowMs = performance.now(); nowMs < endMs; ) {
          const number = sequence++;
          const body = `request ${number} ${PADDING}`;
          const answer = await caller.post(`/v1/bench/keys/key-${keyAt(number, keys)}`, body);
          const doneMs = performance.now();
          if (answer.status < 200 || answer.status > 299 || answer.body !== body) {
            fault(`${body.trimEnd()} got ${answer.status} ${answer.body.slice(0, 300)}`);
          } else if (doneMs <= endMs) {
            samples.push(doneMs - nowMs);
          }
          nowMs = doneMs;
        }
      } catch (error) {
        fault(String(error));
      } finally {
        caller.close();
      }
    }),
  );
  const elapsedMs = Math.min(performance.now(), endMs) - begunMs;
  return { samples: Float64Array.from(samples), elapsedMs, faults, examples };
}
