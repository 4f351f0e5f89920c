import { setTimeout as sleep } from "node:timers/promises";
import { Random } from "@shardcast/infra-random";
import type { BroadcastStatusJson } from "@shardcast/protocol";
import type { BroadcastOutcome } from "../checker/history.ts";
import { hostMs } from "../host-clock.ts";
import { type Posted, send } from "./post.ts";
import type { BroadcastWork } from "./work.ts";

export interface BroadcastLoadOptions {
  readonly gateways: readonly string[];
  readonly service: string;
  readonly seed: number;
  readonly perSecond: number;
  readonly replicas: () => number;
}

export interface BroadcastLoad {
  /** Those that were accepted. */
  readonly broadcasts: readonly BroadcastOutcome[];
  /** Begins none any more; resolves when all are accepted, or nobody would take them. */
  stop(): Promise<void>;
  /** Waits until something final is said of everybody, and asks each gateway what it says. */
  askAgain(): Promise<void>;
}

/** Name of the handler that does what {@link BroadcastWork} says. */
export const BROADCAST_HANDLER = "note";
/** Longer than most of what is done to a member. */
const TTL_S = 30;
const PATIENCE_MS = 10_000;
/** Tries of one question, each at the next gateway. */
const TRIES = 60;
const PAUSE_MS = 500;

/** A job every so often that notifies all replicas, sent to one gateway or the other until it is accepted. */
export function startBroadcasts(options: BroadcastLoadOptions): BroadcastLoad {
  const { gateways, service, seed, perSecond, replicas } = options;
  const broadcasts: BroadcastOutcome[] = [];
  const random = new Random(seed + 104_729);
  const underWay: Promise<void>[] = [];
  const stopping = new AbortController();
  const { signal } = stopping;

  async function publish(n: number, work: BroadcastWork, first: number): Promise<void> {
    const path = `/v1/${service}/broadcasts?handler=${BROADCAST_HANDLER}&ack=all&ttl=${TTL_S}`;
    const headers = { "idempotency-key": `"broadcast-${n}"` };
    const posted = await insist(gateways, first, "POST", path, JSON.stringify(work), headers, 202);
    if (posted === undefined) return;
    const accepted = JSON.parse(posted.body) as BroadcastStatusJson;
    broadcasts.push({ n, id: accepted.id, acceptedMs: hostMs(), accepted, finals: [] });
  }

  const ended = (async () => {
    for (let n = 1; !signal.aborted; n++) {
      const fate = random.next();
      const fails = fate < 0.05 ? "always" : fate < 0.2 ? "once" : "never";
      const work = {
        n,
        takesMs: random.between(0, 60),
        fails,
        at: String(random.between(0, replicas() - 1)),
      } as const;
      underWay.push(publish(n, work, random.between(0, gateways.length - 1)));
      await sleep(1_000 / perSecond, undefined, { signal }).catch(() => {});
    }
  })();

  return {
    broadcasts,
    async stop() {
      stopping.abort();
      await ended;
      await Promise.all(underWay);
    },
    async askAgain() {
      const asked = broadcasts.map(async (outcome) => {
        const path = `/v1/${service}/broadcasts/${outcome.id}?wait=${TTL_S}`;
        const finals: (BroadcastStatusJson | undefined)[] = [];
        for (const gateway of gateways) {
          const posted = await insist([gateway], 0, "GET", path, "", {}, 200);
          finals.push(posted && (JSON.parse(posted.body) as BroadcastStatusJson));
        }
        return { ...outcome, finals };
      });
      broadcasts.splice(0, broadcasts.length, ...(await Promise.all(asked)));
    },
  };
}

type Answered = Extract<Posted, { kind: "answer" }>;

/** Sends until there is an answer of this status; undefined when there was none in all the tries, or it is not known. */
async function insist(
  gateways: readonly string[],
  first: number,
  method: string,
  path: string,
  body: string,
  headers: Readonly<Record<string, string>>,
  wanted: number,
): Promise<Answered | undefined> {
  for (let turn = 0; turn < TRIES; turn++) {
    const gateway = gateways[(first + turn) % gateways.length] as string;
    const posted = await send(method, `${gateway}${path}`, body, headers, PATIENCE_MS + TTL_S * 1_000);
    if (posted.kind === "answer" && posted.status === wanted) return posted;
    if (posted.kind === "answer" && posted.status === 404) return undefined;
    await sleep(PAUSE_MS);
  }
  return undefined;
}
