import { writeFileSync } from "node:fs";
import { murmur2Lane } from "@shardcast/routing";
import { serveHealth, type Worker } from "@shardcast/worker";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { directReads } from "../src/direct-reads.ts";
import { type Accounts, accountsOnTwin, LANES } from "./support/accounts.ts";

const KEY = "zoë/1";
const LANE = murmur2Lane(KEY, LANES);
const OTHER = ["a", "b", "c", "d", "e"].find((key) => murmur2Lane(key, LANES) !== LANE) as string;

/** The member that owns the lane of KEY, and nothing else, with its health. */
async function start() {
  const accounts = await accountsOnTwin();
  const worker = await accounts.start(LANE);
  return { ...accounts, worker, ...(await serve(accounts, worker)) };
}

async function serve({ ledger }: Accounts, worker: Pick<Worker, "member" | "lanes">) {
  const logged: { readonly msg: string }[] = [];
  const logger = pino({}, { write: (line: string) => void logged.push(JSON.parse(line)) });
  const otherwise = directReads({ ledger, lanes: LANES, worker, logger });
  const health = await serveHealth(() => ({ ready: true }), { port: 0, host: "127.0.0.1", otherwise });
  onTestFinished(() => health.close());
  const get = (path: string, init: RequestInit = {}) => fetch(`http://127.0.0.1:${health.port}${path}`, init);
  return { get, logged };
}

/** The path of an account. */
const at = (key: string) => `/accounts/${encodeURIComponent(key)}`;

async function problemOf(answer: Response): Promise<unknown> {
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  const problem = (await answer.json()) as { status: number };
  expect(problem.status).toBe(answer.status);
  return problem;
}

test("the owner tells the balance that was booked last, beside health", async () => {
  const { ask, get, worker } = await start();
  await ask(KEY, "deposit", { cents: 1_250 });
  const answer = await get(`${at(KEY)}?fresh=1`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-type")).toBe("application/json");
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(await answer.json()).toEqual({
    ...{ account: KEY, balance: 1_250 },
    handledBy: { member: worker.member, lane: LANE },
  });
  expect((await get("/readyz")).status).toBe(200);
});

test("a member answers 421 for accounts of lanes that are not its own, and for all once it leaves (C2)", async () => {
  const { get, worker } = await start();
  const lane = murmur2Lane(OTHER, LANES);
  const answer = await get(at(OTHER));
  expect(answer.status).toBe(421);
  expect(await problemOf(answer)).toMatchObject({
    title: "Misdirected Request",
    detail: `member ${worker.member} does not own lane ${lane} of this account now`,
  });
  await worker.stop();
  expect((await get(at(KEY))).status).toBe(421);
});

test.each(["acquiring", "draining", "releasing"] as const)(
  "a member answers 421 while it is only %s the lane (C2)",
  async (state) => {
    const worker = { member: "1", lanes: () => [{ lane: LANE, fencingToken: 7, state }] };
    const { get } = await serve(await accountsOnTwin(), worker);
    expect((await get(at(KEY))).status).toBe(421);
  },
);

test("a member answers 421 to who knows of a later owner of the lane than it is (C2)", async () => {
  const { get, worker } = await start();
  const [held] = worker.lanes();
  const token = held?.fencingToken as number;
  const as = (lane: number, fencingToken: number) =>
    get(at(KEY), { headers: { "shardcast-lane": `${lane}`, "shardcast-fencing-token": `${fencingToken}` } });
  expect((await as(LANE, token)).status).toBe(200);
  expect((await as(LANE, token + 1)).status).toBe(421);
  // Of an owner before it, or of another lane.
  expect((await as(LANE, token - 1)).status).toBe(200);
  expect((await as(LANE + 1, token + 1)).status).toBe(200);
});

test.each([
  ["another path", "/", {}, 404],
  ["more than a key", "/accounts/a/b", {}, 404],
  ["no key", "/accounts/", {}, 404],
  ["another method", at(KEY), { method: "POST" }, 405],
  ["what is not UTF-8", "/accounts/%ff", {}, 400],
] as const)("%s is refused with a problem", async (_, path, init, status) => {
  const { get } = await start();
  const answer = await get(path, init);
  expect(answer.status).toBe(status);
  await problemOf(answer);
});

test("a damaged account is 500, and the log says why", async () => {
  const { get, ledger, logged } = await start();
  writeFileSync(ledger.fileOf(Buffer.from(KEY)), "{");
  const answer = await get(at(KEY));
  expect(answer.status).toBe(500);
  expect(JSON.stringify(await problemOf(answer))).not.toContain("damaged");
  expect(logged).toMatchObject([{ err: { message: expect.stringContaining("damaged") } }]);
});
