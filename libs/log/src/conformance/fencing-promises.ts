import { expect, test } from "vitest";
import { type SuiteContext, textRecord } from "./context.ts";

const COMMITTED = { kind: "committed", offsets: [] };
const FENCED = { kind: "fenced" };

/** C2: of one name's sessions only the newest writes. */
export function fencingPromises(suite: SuiteContext): void {
  /** A service of its own, and the ways to open its sessions from two "processes". */
  async function service() {
    const { open, ...rest } = await suite.service();
    const other = await suite.open();
    return {
      ...rest,
      here: (member: string) => open(member),
      elsewhere: (member: string) => open(member, other),
    };
  }

  test("a newer session of the name fences the older one, progress and records", async () => {
    const { topic, here, elsewhere, progress } = await service();
    const older = await here("0");
    await older.commit({ progress: [{ lane: 0, offset: 1, metadata: "older" }] });
    const newer = await elsewhere("0");
    const { high } = (await suite.log.rangesOf(topic))[0] ?? expect.unreachable();

    const stale = { lane: 0, offset: 2, metadata: "stale" };
    expect(await older.commit({ progress: [stale], records: [textRecord(topic, 0, "stale")] })).toEqual(
      FENCED,
    );
    expect((await suite.log.rangesOf(topic))[0]?.high).toBe(high);
    expect(await progress()).toEqual([{ lane: 0, offset: 1, metadata: "older" }]);
    const next = { lane: 0, offset: 3, metadata: "newer" };
    expect(await newer.commit({ progress: [next] })).toEqual(COMMITTED);
    await here("0");
    expect(await progress()).toEqual([next]);
  });

  test("records alone find out as well", async () => {
    const { topic, here, elsewhere } = await service();
    const older = await here("0");
    await elsewhere("0");
    expect(await older.commit({ records: [textRecord(topic, 0, "stale")] })).toEqual(FENCED);
  });

  test("an empty commit finds out, and the session stays fenced", async () => {
    const { here, elsewhere } = await service();
    const older = await here("0");
    const newer = await elsewhere("0");
    expect(await older.commit({})).toEqual(FENCED);
    expect(await older.commit({ progress: [{ lane: 0, offset: 1, metadata: "" }] })).toEqual(FENCED);
    expect(await newer.commit({})).toEqual(COMMITTED);
  });

  test("a session of the same connection fences as well", async () => {
    const { here } = await service();
    const older = await here("0");
    const newer = await here("0");
    expect(await older.commit({})).toEqual(FENCED);
    expect(await newer.commit({})).toEqual(COMMITTED);
  });

  test("other names and other services are not fenced", async () => {
    const { topic, service: name, here, elsewhere } = await service();
    const [zero, one] = [await here("0"), await here("1")];
    const foreign = await suite.log.openSession({ service: `another-${name}`, member: "0", topic });
    await elsewhere("0");
    expect(await zero.commit({})).toEqual(FENCED);
    expect(await one.commit({ progress: [{ lane: 0, offset: 4, metadata: "" }] })).toEqual(COMMITTED);
    expect(await foreign.commit({})).toEqual(COMMITTED);
    await foreign.close();
  });

  test("closing the fenced session leaves the newer one alone", async () => {
    const { here, elsewhere } = await service();
    const older = await here("0");
    const newer = await elsewhere("0");
    await older.close();
    expect(await newer.commit({})).toEqual(COMMITTED);
  });

  test("of three sessions in a row only the last holds", async () => {
    const { here, elsewhere } = await service();
    const sessions = [await here("0"), await elsewhere("0"), await here("0")];
    const outcomes = await Promise.all(sessions.map((session) => session.commit({})));
    expect(outcomes).toEqual([FENCED, FENCED, COMMITTED]);
  });

  test("opening in the middle of commits settles them: what was confirmed is there, and nothing comes after", async () => {
    const { topic, here, elsewhere, progress } = await service();
    const older = await here("0");
    const { high: begin } = (await suite.log.rangesOf(topic))[0] ?? expect.unreachable();
    const commits: Promise<{ offset: number; kind: string }>[] = [];
    const commit = async (offset: number) => {
      const work = {
        progress: [{ lane: 0, offset, metadata: "" }],
        records: [textRecord(topic, 0, `${offset}`)],
      };
      return { offset, kind: (await older.commit(work)).kind };
    };
    for (let offset = 1; offset <= 10; offset++) commits.push(commit(offset));
    await commits[1];
    await elsewhere("0");
    const [settled] = await progress();
    const { high: end } = (await suite.log.rangesOf(topic))[0] ?? expect.unreachable();
    for (let offset = 11; offset <= 15; offset++) commits.push(commit(offset));

    const outcomes = await Promise.all(commits);
    const confirmed = outcomes.filter(({ kind }) => kind === "committed").map(({ offset }) => offset);
    expect(confirmed.length).toBeGreaterThanOrEqual(2);
    expect(outcomes.slice(10).map(({ kind }) => kind)).not.toContain("committed");
    const last = outcomes.findIndex(({ kind }) => kind !== "committed");
    expect(new Set(outcomes.slice(last).map(({ kind }) => kind)).size).toBe(1); // it ends once, for good
    expect(settled?.offset).toBeGreaterThanOrEqual(Math.max(...confirmed));
    expect(await progress()).toEqual([settled]);

    const { got } = await suite.reader(topic, { start: [{ topic, partition: 0, from: begin }] });
    await suite.appendTexts(topic, 0, ["end"]);
    await got.text("end");
    const written = Array.from({ length: settled?.offset ?? 0 }, (_, i) => `${i + 1}`);
    expect(got.texts()).toEqual([...written, "end"]); // as many records as progress
    expect(got.offsets().at(-1)).toBe(end); // and nothing was written in between
  });
}
