import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "@shardcast/infra-random";
import type { Answer, RecordedOutcome } from "../checker/history.ts";
import { type Posted, send } from "./post.ts";
import { drawCall } from "./work.ts";

export interface RecordedOptions {
  readonly gateways: readonly string[];
  readonly service: string;
  readonly key: string;
  readonly n: number;
  readonly random: Random;
}

/** Long enough for what a run does to a request. */
const TIMEOUT_S = 60;
/** Tries of one send, each to the next gateway. */
const TRIES = 60;
const PAUSE_MS = 500;
/** Statuses that are not the end of a request: it may be asked for again. */
const PASSING: ReadonlySet<number> = new Set([202, 408, 429, 503, 504]);

/** One request that is recorded: sent several times, or only once and asked for at the end of the run. */
export async function callRecorded(options: RecordedOptions): Promise<RecordedOutcome> {
  const { service, key, n, random } = options;
  const { work } = drawCall(n, random);
  const asynchronous = random.chance(0.5);
  const cancelled = asynchronous && random.chance(0.25);
  const first = random.between(0, 1);
  const path = `/v1/${service}/keys/${key}`;
  const body = JSON.stringify(work);
  const headers = { "idempotency-key": `"${key}/${n}"`, "request-timeout": String(TIMEOUT_S) };
  const outcome = { key, n, finals: [], cancelled };
  if (asynchronous) {
    const preferring = { ...headers, prefer: "respond-async" };
    const posted = await insist(
      options,
      first,
      "POST",
      path,
      body,
      preferring,
      ({ status }) => status === 202,
    );
    const id = posted?.requestId;
    if (cancelled && id !== undefined) {
      await insist(
        options,
        first + 1,
        "DELETE",
        requestPath(service, id),
        "",
        {},
        ({ status }) => status !== 503,
      );
    }
    return { ...outcome, kind: "asynchronous", id, answers: [] };
  }
  const once = (gateway: number) => insist(options, gateway, "POST", path, body, headers, isEnd);
  const together = await Promise.all([once(first), once(first + 1)]);
  const answers = [...together, await once(first)].filter((posted) => posted !== undefined);
  return { ...outcome, kind: "idempotent", id: answers[0]?.requestId, answers: answers.map(answerOf) };
}

/** What each gateway says of a request in the end. */
export async function askAgain(
  { gateways, service }: Pick<RecordedOptions, "gateways" | "service">,
  outcome: RecordedOutcome,
): Promise<RecordedOutcome> {
  const { id } = outcome;
  if (id === undefined) return outcome;
  const asked = gateways.map((gateway) =>
    insist({ gateways: [gateway], service }, 0, "GET", `${requestPath(service, id)}?wait=5`, "", {}, isEnd),
  );
  const finals = (await Promise.all(asked)).filter((posted) => posted !== undefined).map(answerOf);
  return { ...outcome, finals };
}

type Answered = Extract<Posted, { kind: "answer" }>;

/** Sends until there is an answer of that kind; undefined when there was none in all the tries. */
async function insist(
  { gateways }: Pick<RecordedOptions, "gateways" | "service">,
  first: number,
  method: string,
  path: string,
  body: string,
  headers: Readonly<Record<string, string>>,
  enough: (answer: Answered) => boolean,
): Promise<Answered | undefined> {
  for (let turn = 0; turn < TRIES; turn++) {
    const gateway = gateways[(first + turn) % gateways.length] as string;
    const posted = await send(method, `${gateway}${path}`, body, headers, TIMEOUT_S * 1_000);
    if (posted.kind === "answer" && enough(posted)) return posted;
    await sleep(PAUSE_MS);
  }
  return undefined;
}

const isEnd = ({ status }: Answered) => !PASSING.has(status);
const answerOf = ({ status, body }: Answered): Answer => ({ status, body });
const requestPath = (service: string, id: string) => `/v1/${service}/requests/${id}`;
