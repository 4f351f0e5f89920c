import { Agent, request } from "node:http";
import type { Random } from "@shardcast/infra-random";
import type { Violations } from "../violations.ts";
import { faultOf, parseAnswers } from "./answer.ts";
import { type HttpCase, httpCase } from "./cases.ts";
import { exchange } from "./exchange.ts";
import { validTarget } from "./request.ts";

const CASES = 120;
const AT_ONCE = 16;
/** Longer than any request here may ask to wait. */
const EXCHANGE_LIMIT_MS = 15_000;
/** A healthy request takes milliseconds; the machine may be busy. */
const HEALTHY_LIMIT_MS = 5_000;

/** One batch of connections, and then a request that must succeed. Resolves to the number of cases. */
export async function httpBatch(url: URL, random: Random, violations: Violations): Promise<number> {
  const cases = Array.from({ length: CASES }, () => httpCase(random));
  const next = cases.values();
  const lane = async () => {
    for (const each of next) await run(url, each, violations);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  await healthy(url, random, violations);
  return cases.length;
}

async function run(url: URL, given: HttpCase, violations: Violations): Promise<void> {
  const { received, reset, hung } = await exchange(url, given.steps, {
    ending: given.ending,
    complete: (bytes) => {
      const { answers, cut, fault } = parseAnswers(bytes, given.methods);
      if (fault !== undefined) return true;
      return !cut && given.expected > 0 && answers.length >= given.expected;
    },
    limitMs: EXCHANGE_LIMIT_MS,
  });
  const fault = (what: string) => {
    const sent = Buffer.concat(given.steps.map(({ bytes }) => bytes));
    violations.add(`${given.name}: ${what}`, { sent, received });
  };
  if (hung) fault(`the connection was still open after ${EXCHANGE_LIMIT_MS} ms`);
  const gone = given.ending === "destroy" || reset;
  const parsed = parseAnswers(received, given.methods);
  if (parsed.fault !== undefined) {
    fault(`not HTTP: ${parsed.fault}`);
    return;
  }
  if (parsed.cut && !gone && !hung) fault("an answer was cut short");
  for (const answer of parsed.answers) {
    const wrong = given.forged && answer.status !== 500 ? undefined : faultOf(answer);
    if (wrong !== undefined) fault(wrong);
    if (answer.headers.has("injected")) fault("a header was injected");
  }
  if (given.ending === "destroy") return;
  // A server that closes while it is still being written to takes its last answers along.
  if (hung || (given.mayClose && reset)) return;
  for (const [index, body] of given.echoes.entries()) {
    const answer = parsed.answers[index];
    if (answer?.status !== 200 || !answer.body.equals(body)) {
      const got = answer === undefined ? "no answer" : `${answer.status} ${answer.body}`;
      fault(`valid request ${index} got ${got}`);
      return;
    }
    if (given.mayClose && answer.headers.get("connection") === "close") return;
  }
}

/** The gateway lives and serves: its own health, and one request through a worker. */
async function healthy(url: URL, random: Random, violations: Violations): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const body = random.bytes(100);
  const calls = [
    { method: "GET", path: "/healthz", body: undefined },
    { method: "GET", path: "/readyz", body: undefined },
    { method: "POST", path: validTarget(random), body },
  ];
  try {
    for (const call of calls) {
      const answer = await fetchOnce(url, agent, call);
      if (answer.status === 200 && (call.body === undefined || answer.body.equals(call.body))) continue;
      violations.add(`a healthy request got ${answer.status}`, { ...call, answer: answer.body });
    }
  } catch (error) {
    violations.add(`a healthy request failed: ${String(error)}`, calls);
  } finally {
    agent.destroy();
  }
}

function fetchOnce(
  { hostname, port }: URL,
  agent: Agent,
  { method, path, body }: { method: string; path: string; body: Buffer | undefined },
): Promise<{ status: number; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(HEALTHY_LIMIT_MS);
    const outgoing = request({ hostname, port, agent, method, path, signal }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("error", reject);
      incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks) }));
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}
