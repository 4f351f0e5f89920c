import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { onTestFinished } from "vitest";
import type { Cluster } from "./cluster.ts";
import type { Answer, CallOptions, HttpClient } from "./http.ts";

/** A request as its caller means it, whatever way the answer comes. */
export interface Asked {
  readonly key: string;
  readonly handler: string;
  readonly timeoutS?: number;
}

/** What the caller has in the end. */
export interface Answered {
  readonly id: string;
  readonly status: number;
  readonly body: string;
  /** Names of the events that were seen on the way, where there were any. */
  readonly events: readonly string[];
}

/** What is called back. */
export interface Receiver {
  readonly origin: string;
  /** Resolves to what was POSTed to this path, at any time. */
  received(path: string): Promise<Answered>;
}

/** Starts what is called back; it ends with the test. */
export async function startReceiver(): Promise<Receiver> {
  const arrived = new Map<string, PromiseWithResolvers<Answered>>();
  const at = (path: string) => {
    const known = arrived.get(path) ?? Promise.withResolvers<Answered>();
    arrived.set(path, known);
    return known;
  };
  const server = createServer(async (request, response) => {
    const { headers, url = "" } = request;
    const body = await text(request);
    at(url).resolve({
      id: String(headers["shardcast-request-id"]),
      status: Number(headers["shardcast-status"]),
      body,
      events: [],
    });
    response.writeHead(204).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, received: (path) => at(path).promise };
}

/** One way to get the answer to a request. Accepted by gateway 0 while it lives; whatever comes later may come from any. */
export type Mode = (cluster: Cluster, asked: Asked, receiver: Receiver) => Promise<Answered>;

const POLL_MS = 25;
const AGAIN_MS = 100;

/** Waits; when the connection fails, the same request goes to the next gateway, under the same idempotency key. */
const wait: Mode = async (cluster, asked) => answered(await postAgain(cluster, asked, {}));

/** Waits for a moment only; the rest is asked for elsewhere. */
const waitThenAccepted: Mode = async (cluster, asked) => {
  const answer = await postAgain(cluster, asked, { prefer: "wait=0.2" });
  if (answer.status !== 202) return answered(answer);
  return answered(await untilEnded(cluster, `${locationOf(answer)}?wait=30`));
};

const poll: Mode = async (cluster, asked) => {
  const location = await accepted(cluster, asked);
  return answered(await untilEnded(cluster, location, POLL_MS));
};

const longPoll: Mode = async (cluster, asked) => {
  const location = await accepted(cluster, asked);
  return answered(await untilEnded(cluster, `${location}?wait=30`));
};

const serverSentEvents: Mode = async (cluster, asked) => {
  const location = await accepted(cluster, asked);
  const stream = await insist(cluster, async (http) => {
    const answer = await http.get(`${location}/events`);
    // A gateway that closes ends its streams; who listens comes back.
    if (!namesOf(answer.body).includes("done")) throw new Error("the stream ended before the request");
    return answer;
  });
  return { ...answered(await untilEnded(cluster, location)), events: namesOf(stream.body) };
};

const webhook: Mode = async (cluster, asked, receiver) => {
  const path = `/${asked.handler}/${asked.key}`;
  const answer = await postAgain(cluster, asked, {
    prefer: "respond-async",
    "callback-url": `${receiver.origin}${path}`,
  });
  locationOf(answer);
  return receiver.received(path);
};

export const MODES: Readonly<Record<string, Mode>> = {
  wait,
  "wait, then 202": waitThenAccepted,
  poll,
  "long poll": longPoll,
  "server-sent events": serverSentEvents,
  webhook,
};

async function accepted(cluster: Cluster, asked: Asked): Promise<string> {
  return locationOf(await postAgain(cluster, asked, { prefer: "respond-async" }));
}

function locationOf({ status, headers, body }: Answer): string {
  const { location } = headers;
  if (status === 202 && typeof location === "string") return location;
  throw new Error(`not accepted: ${status} ${body}`);
}

/** Sends it until somebody answers; one idempotency key makes that one request (C5). */
function postAgain(
  cluster: Cluster,
  { key, handler, timeoutS }: Asked,
  preferring: Readonly<Record<string, string>>,
): Promise<Answer> {
  const headers = { ...preferring, "idempotency-key": `"${randomUUID()}"` };
  const options: CallOptions = timeoutS === undefined ? { headers } : { headers, timeoutS };
  return insist(cluster, (http) => http.post(cluster.path(key, handler), JSON.stringify({ key }), options));
}

/** Asks until the request has ended, of the gateways in turn. */
async function untilEnded(cluster: Cluster, location: string, pauseMs = 0): Promise<Answer> {
  for (;;) {
    const answer = await insist(cluster, (http) => http.get(location));
    if (answer.status !== 202) return answer;
    await sleep(pauseMs);
  }
}

/** The first gateway that answers and has something to say; 503 is none. */
async function insist(cluster: Cluster, ask: (http: HttpClient) => Promise<Answer>): Promise<Answer> {
  for (let turn = 0; ; turn++) {
    const { http } = cluster.gateways[turn % cluster.gateways.length] as (typeof cluster.gateways)[number];
    try {
      const answer = await ask(http);
      if (answer.status !== 503) return answer;
    } catch {
      // It has died; another has not, or will be there again.
    }
    await sleep(AGAIN_MS);
  }
}

function answered({ status, headers, body }: Answer): Answered {
  return { id: String(headers["shardcast-request-id"]), status, body, events: [] };
}

function namesOf(stream: string): string[] {
  return [...stream.matchAll(/^event: ?(.*)$/gm)].map(([, name = ""]) => name);
}
