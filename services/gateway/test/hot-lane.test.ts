import { describe, expect, it } from "vitest";
import { HotKeys } from "../src/hot-keys.ts";

const SERVICE = "accounts";
const MINUTE_MS = 60_000;

/** Hot keys with a clock and chance by hand. */
function byHand() {
  let nowMs = MINUTE_MS;
  let turn = 0;
  const hotKeys = new HotKeys({
    nowMs: () => nowMs,
    // As good as chance here, and the same in each run.
    random: () => {
      turn = (turn + 0.6180339887498949) % 1;
      return turn;
    },
  });
  const saw = (key: string, times: number, lane = 0) => {
    for (let i = 0; i < times; i++) hotKeys.saw(SERVICE, lane, Buffer.from(key));
  };
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { saw, pass, lane: (lane = 0) => hotKeys.of(SERVICE).get(lane), hotKeys };
}

describe("the hot keys of a lane", () => {
  it("are counted one by one while they are few, the most frequent first", () => {
    const { saw, lane } = byHand();
    saw("a", 3);
    saw("b", 5);
    expect(lane()).toEqual({
      requests: 8,
      keys: [
        { name: "b", count: 5 },
        { name: "a", count: 3 },
      ],
    });
  });

  it("are told of each lane and service apart", () => {
    const { saw, lane, hotKeys } = byHand();
    saw("a", 1, 0);
    saw("b", 1, 2);
    expect([lane(0), lane(1), lane(2)].map((each) => each?.keys[0]?.name)).toEqual(["a", undefined, "b"]);
    expect(hotKeys.of("orders").size).toBe(0);
  });

  it("are found among many keys, with about the share they have", () => {
    const { saw, lane } = byHand();
    for (let i = 0; i < 10_000; i++) {
      saw(`cold-${i}`, 1);
      if (i % 2 === 0) saw("hot", 1);
    }
    const { requests = 0, keys = [] } = lane() ?? {};
    expect(requests).toBe(15_000);
    expect(keys[0]?.name).toBe("hot");
    expect((keys[0]?.count ?? 0) / requests).toBeCloseTo(1 / 3, 1);
  });

  it("C7: holds a few keys of however many", () => {
    const { saw, pass, lane } = byHand();
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 2_000; i++) saw(`key-${round}-${i}`, 1);
      pass(MINUTE_MS / 2);
    }
    expect(lane()?.keys.length).toBeLessThanOrEqual(10);
  });

  it("are those of the last minute", () => {
    const { saw, pass, lane } = byHand();
    saw("old", 5);
    pass(MINUTE_MS / 2);
    saw("new", 2);
    expect(lane()?.keys.map(({ name }) => name)).toEqual(["old", "new"]);
    pass(MINUTE_MS / 2);
    expect(lane()).toEqual({ requests: 2, keys: [{ name: "new", count: 2 }] });
    pass(MINUTE_MS / 2);
    expect(lane()).toBeUndefined();
  });

  it("never counts more of a key than the lane had requests", () => {
    const { saw, lane } = byHand();
    saw("a", 10_007);
    const { requests, keys } = lane() ?? {};
    expect(keys?.[0]?.count).toBeLessThanOrEqual(requests ?? 0);
  });
});
