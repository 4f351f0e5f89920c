import type { BroadcastStatusJson } from "@shardcast/protocol";
import { describe, expect, test } from "vitest";
import { type Effect, orderFaults, repeatedPlaces } from "../e2e/support/effects.ts";
import { type Answer, problemOf } from "../e2e/support/http.ts";
import { startLoad, statusesOf } from "../e2e/support/load.ts";
import { type Bank, openBank, SERVICE, type StartReplica } from "./support/bank.ts";

/** Most of it is for starting processes, on a machine that may be busy with others. */
const TEST_MS = 240_000;
const PATIENCE = { timeout: 30_000 };
const CALLERS = 12;
const LOAD = 100;

const cents = (amount: number) => JSON.stringify({ cents: amount });
const jsonOf = ({ body }: Answer) => JSON.parse(body) as Record<string, unknown>;
const accounts = (count: number) => Array.from({ length: count }, (_, n) => `konto/${n} é`);

/** What every replica does, whatever it is made of. */
export function behaviourSuite(name: string, start: StartReplica): void {
  describe(name, { timeout: TEST_MS }, () => {
    test("books the requests of an account in order, one at a time; refusals end them; repetitions book once (C1, C5)", async () => {
      const bank = await openBank(start);
      const { http, path, journal } = bank;
      const keys = accounts(6);
      const answers = await Promise.all(
        keys.flatMap((key) => Array.from({ length: 20 }, () => http.post(path(key, "deposit"), cents(5)))),
      );
      expect(statuses(answers)).toEqual({ 200: keys.length * 20 });
      expect(await Promise.all(keys.map((key) => balanceOf(bank, key)))).toEqual(keys.map(() => 100));
      const effects = journal.bookings();
      expect(orderFaults(effects)).toEqual([]);
      expect(repeatedPlaces(effects)).toEqual([]);
      // One at a time is a matter of each account: others were booked meanwhile.
      expect(overlaps(effects)).toBeGreaterThan(0);

      const [key = ""] = keys;
      const refused = await http.post(path(key, "withdraw"), cents(101));
      expect(refused.status).toBe(409);
      expect(problemOf(refused)).toEqual({
        type: "application/problem+json",
        code: "SHARDCAST_HANDLER_REFUSED",
      });
      expect(jsonOf(refused)).toMatchObject({
        detail: "insufficient funds: the balance is 100 cents, 101 were asked for",
        balance: 100,
        cents: 101,
      });
      expect((await http.post(path(key, "deposit"), cents(0))).status).toBeGreaterThanOrEqual(400);
      expect(journal.startsOf(key).filter(({ handler }) => handler === "withdraw")).toHaveLength(1);

      const headers = { "idempotency-key": '"order 7"' };
      const repeated = () => http.post(path(key, "withdraw"), cents(40), { headers });
      const [first, second] = [await repeated(), await repeated()];
      expect(first).toMatchObject({ status: 200 });
      expect(second?.body).toBe(first?.body);
      expect((await http.post(path(key, "withdraw"), cents(41), { headers })).status).toBe(422);
      expect(await balanceOf(bank, key)).toBe(60);
      expect(journal.startsOf(key).filter(({ handler }) => handler === "withdraw")).toHaveLength(2);
    });

    test("what can not be booked now is tried again when it asks for, until its attempts, its time or its caller end it (C8, C9)", async () => {
      const bank = await openBank(start, { SHARDCAST_MAX_ATTEMPTS: "3" });
      await Promise.all([retried(bank), givenUp(bank), expired(bank), cancelled(bank)]);
      // An attempt comes behind those before it, as a request does.
      const effects = bank.journal
        .bookings()
        .map((each) => ({ ...each, offset: each.offset + each.attempt / 1_000 }));
      expect(orderFaults(effects)).toEqual([]);
    });

    test("replicas that are killed, stopped and started under load lose nothing and book nothing twice; each is told what was told while it was down (C1, C3, C6)", async () => {
      const bank = await openBank(start);
      const { http, journal, replicas } = bank;
      const keys = accounts(24);
      const next = (n: number) => ({
        key: keys[n % keys.length] as string,
        handler: "deposit",
        timeoutS: 30,
        body: cents(1),
      });
      const load = startLoad(bank, { callers: CALLERS, next });
      const more = async () => {
        const begun = load.done.length;
        await load.until((done) => done.length >= begun + LOAD);
      };

      await more();
      const killed = replicas[0]?.pid;
      await replicas[0]?.kill();
      const sent = await http.post(`/v1/${SERVICE}/broadcasts?handler=interest&ack=all`, '{"percent":1.5}');
      expect(sent.status, sent.body).toBe(202);
      const { id } = jsonOf(sent);
      await expect.poll(() => journal.told().map(({ member }) => member), PATIENCE).toEqual(["1"]);
      await bank.start(0);
      await more();
      await replicas[1]?.stop();
      await bank.start(1);
      await more();
      const done = await load.stop();

      expect(statusesOf(done)).toEqual({ 200: done.length });
      const balances = await Promise.all(keys.map((key) => balanceOf(bank, key)));
      const deposited = keys.map((key) => done.filter(({ call }) => call.key === key).length);
      expect(balances).toEqual(deposited);
      const effects = journal.bookings();
      expect(orderFaults(effects)).toEqual([]);
      // Again comes only what the killed one could not record any more.
      const firstPid = new Map(
        effects.toReversed().map(({ lane, offset, pid }) => [`${lane}/${offset}`, pid]),
      );
      expect(repeatedPlaces(effects).filter((place) => firstPid.get(place) !== killed)).toEqual([]);

      const told = await http.get(`/v1/${SERVICE}/broadcasts/${id}?wait=20`);
      const { verdict, members } = JSON.parse(told.body) as BroadcastStatusJson;
      expect(verdict).toBe("satisfied");
      expect(members.map(({ member, state }) => [member, state])).toEqual([
        ["0", "acked"],
        ["1", "acked"],
      ]);
      expect(journal.told().map(({ member, percent }) => [member, percent])).toEqual([
        ["1", 1.5],
        ["0", 1.5],
      ]);
    });
  });
}

/** An account under audit is free again after the first attempt: the second one books, not before the second that was asked for. */
async function retried(bank: Bank): Promise<void> {
  const { http, path, journal, audit } = bank;
  const free = audit("retried");
  const booked = http.post(path("retried", "deposit"), cents(1), { timeoutS: 30 });
  await expect.poll(() => journal.startsOf("retried"), PATIENCE).toHaveLength(1);
  free();
  expect(await booked).toMatchObject({ status: 200 });
  const [first, second, ...others] = journal.startsOf("retried");
  expect(others).toEqual([]);
  expect([first?.attempt, second?.attempt]).toEqual([1, 2]);
  expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual(1_000);
}

/** Given up after its attempts, it lies in the dead letters; other accounts were booked meanwhile, its own goes on after it. */
async function givenUp(bank: Bank): Promise<void> {
  const { http, path, journal, audit } = bank;
  const free = audit("poison");
  const failing = http.post(path("poison", "deposit"), cents(1), { timeoutS: 30 });
  await expect.poll(() => journal.startsOf("poison"), PATIENCE).toHaveLength(1);
  const others = await Promise.all(accounts(8).map((key) => http.post(path(key, "deposit"), cents(1))));
  expect(statuses(others)).toEqual({ 200: others.length });
  expect(journal.startsOf("poison").length).toBeLessThan(3);
  const answer = await failing;
  free();
  expect(answer.status).toBe(502);
  expect(problemOf(answer)).toMatchObject({ code: "SHARDCAST_ATTEMPTS_EXHAUSTED" });
  expect(journal.startsOf("poison").map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
  expect(await balanceOf(bank, "poison")).toBe(0);
  await expect
    .poll(async () => (await http.get(`/v1/${SERVICE}/dead-letters`)).body, PATIENCE)
    .toContain(`"key":"poison"`);
}

/** The handler knows how much time is left, and is not called when there is none. */
async function expired(bank: Bank): Promise<void> {
  const { http, path, journal, audit } = bank;
  const free = audit("expired");
  const answer = await http.post(path("expired", "deposit"), cents(1), { timeoutS: 1.8 });
  free();
  expect(answer.status).toBe(504);
  const left = journal.startsOf("expired").map(({ remainingMs }) => remainingMs);
  expect(left.length).toBeGreaterThan(0);
  for (const ms of left) expect(ms).toSatisfy((value: number) => value > 0 && value <= 1_800);
  expect(left).toEqual(left.toSorted((a = 0, b = 0) => b - a));
  // Behind it in its account: so there is nothing more of it to come.
  expect(await balanceOf(bank, "expired")).toBe(0);
  expect(journal.startsOf("expired").filter(({ handler }) => handler === "deposit")).toHaveLength(
    left.length,
  );
}

async function cancelled(bank: Bank): Promise<void> {
  const { http, path, journal, audit } = bank;
  const free = audit("cancelled");
  const headers = { prefer: "respond-async" };
  const taken = await http.post(path("cancelled", "deposit"), cents(1), { headers });
  expect(taken.status).toBe(202);
  const location = String(taken.headers.location);
  await expect.poll(() => journal.startsOf("cancelled"), PATIENCE).toHaveLength(1);
  expect((await http.delete(location)).status).toBe(202);
  expect((await http.get(`${location}?wait=20`)).status).toBe(410);
  free();
  expect(await balanceOf(bank, "cancelled")).toBe(0);
}

async function balanceOf({ http, path }: Bank, key: string): Promise<unknown> {
  const answer = await http.post(path(key, "balance"), "", { timeoutS: 30 });
  expect(answer.status, answer.body).toBe(200);
  return jsonOf(answer).balance;
}

function statuses(answers: readonly Answer[]): Record<string, number> {
  return Object.fromEntries(
    [...Map.groupBy(answers, ({ status }) => status)].map(([status, own]) => [status, own.length]),
  );
}

/** How often a booking began while one of another account ran in the same process. */
function overlaps(effects: readonly Effect[]): number {
  const running = new Map<number, number>();
  let found = 0;
  for (const { event, pid } of effects) {
    const before = running.get(pid) ?? 0;
    if (event === "start" && before > 0) found++;
    running.set(pid, before + (event === "start" ? 1 : -1));
  }
  return found;
}
