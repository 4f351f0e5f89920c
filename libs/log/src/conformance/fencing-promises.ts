import { expect, test } from "vitest";
import type { MemberSession } from "../session.ts";
import type { SuiteContext } from "./context.ts";

const COMMITTED = { kind: "committed" };
const FENCED = { kind: "fenced" };

/** C2: of one member's sessions only the newest records progress. */
export function fencingPromises(suite: SuiteContext): void {
  /** A service of its own, with one connection per "process". */
  async function service(lanes = 1) {
    const topic = await suite.topic(lanes);
    const other = await suite.open();
    const options = (member: string, name = "s") => ({ service: `${name}-${topic}`, member, topic });
    return {
      here: (member: string, name?: string) => suite.log.openSession(options(member, name)),
      elsewhere: (member: string, name?: string) => other.openSession(options(member, name)),
    };
  }

  async function closeAll(...sessions: MemberSession[]): Promise<void> {
    await Promise.all(sessions.map((session) => session.close()));
  }

  test("a newer session of the member fences the older one", async () => {
    const { here, elsewhere } = await service(2);
    const older = await here("0");
    await older.take(0);
    await older.commit([{ lane: 0, offset: 1, metadata: "older" }]);
    const newer = await elsewhere("0");

    expect(await older.commit([{ lane: 0, offset: 2, metadata: "stale" }])).toEqual(FENCED);
    await expect(older.take(1)).rejects.toMatchObject({ code: "SHARDCAST_FENCED" });
    expect(await newer.take(0)).toEqual({ lane: 0, offset: 1, metadata: "older" });
    expect(await newer.commit([{ lane: 0, offset: 3, metadata: "newer" }])).toEqual(COMMITTED);
    await closeAll(older, newer);
  });

  test("an empty commit finds out, and stays fenced", async () => {
    const { here, elsewhere } = await service();
    const older = await here("0");
    const newer = await elsewhere("0");
    expect(await older.commit([])).toEqual(FENCED);
    expect(await older.commit([])).toEqual(FENCED);
    expect(await newer.commit([])).toEqual(COMMITTED);
    await closeAll(older, newer);
  });

  test("a fenced session can not give its lanes up", async () => {
    const { here, elsewhere } = await service();
    const older = await here("0");
    await older.take(0);
    const newer = await elsewhere("0");
    expect(await older.giveUp([{ lane: 0, offset: 5, metadata: "stale" }])).toEqual(FENCED);
    expect(await newer.take(0)).toEqual({ lane: 0, offset: 0, metadata: "" });
    await closeAll(older, newer);
  });

  test("a session of the same connection fences as well", async () => {
    const { here } = await service();
    const older = await here("0");
    const newer = await here("0");
    expect(await older.commit([])).toEqual(FENCED);
    expect(await newer.commit([])).toEqual(COMMITTED);
    await closeAll(older, newer);
  });

  test("other members and other services are not fenced", async () => {
    const { here, elsewhere } = await service(2);
    const [zero, one, foreign] = [await here("0"), await here("1"), await here("0", "another")];
    await zero.take(0);
    await one.take(1);
    const newer = await elsewhere("0");
    expect(await zero.commit([])).toEqual(FENCED);
    expect(await one.commit([{ lane: 1, offset: 4, metadata: "" }])).toEqual(COMMITTED);
    expect(await foreign.commit([])).toEqual(COMMITTED);
    await closeAll(zero, one, foreign, newer);
  });

  test("closing the fenced session leaves the newer one alone", async () => {
    const { here, elsewhere } = await service();
    const older = await here("0");
    const newer = await elsewhere("0");
    await newer.take(0);
    await older.close();
    expect(await newer.commit([{ lane: 0, offset: 1, metadata: "" }])).toEqual(COMMITTED);
    await newer.close();
  });

  test("of three sessions in a row only the last holds", async () => {
    const { here, elsewhere } = await service();
    const sessions = [await here("0"), await elsewhere("0"), await here("0")];
    const outcomes = await Promise.all(sessions.map((session) => session.commit([])));
    expect(outcomes).toEqual([FENCED, FENCED, COMMITTED]);
    await closeAll(...sessions);
  });

  test("fencing in the middle of commits: what was confirmed is taken over, and nothing is confirmed after", async () => {
    const { here, elsewhere } = await service();
    const older = await here("0");
    await older.take(0);
    const commits: Promise<{ offset: number; kind: string }>[] = [];
    const commit = (offset: number) =>
      older.commit([{ lane: 0, offset, metadata: "" }]).then(({ kind }) => ({ offset, kind }));
    for (let offset = 1; offset <= 10; offset++) commits.push(commit(offset));
    const newer = await elsewhere("0");
    const { offset: takenOver } = await newer.take(0);
    for (let offset = 11; offset <= 15; offset++) commits.push(commit(offset));

    const outcomes = await Promise.all(commits);
    const confirmed = outcomes.filter(({ kind }) => kind === "committed").map(({ offset }) => offset);
    expect(takenOver).toBeGreaterThanOrEqual(Math.max(0, ...confirmed));
    expect(outcomes.slice(10).map(({ kind }) => kind)).toEqual(Array(5).fill("fenced"));
    const firstFenced = outcomes.findIndex(({ kind }) => kind === "fenced");
    expect(outcomes.slice(firstFenced).every(({ kind }) => kind === "fenced")).toBe(true);
    expect((await newer.take(0)).offset).toBe(takenOver);
    await closeAll(older, newer);
  });
}
