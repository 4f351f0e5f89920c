import { describe, expect, test } from "vitest";
import { Presence } from "../src/presence.ts";

/** A planner that began at 100,000 on the monotonic clock, beats every second and gives everybody ten. */
class Listening {
  readonly presence = new Presence({ reassignAfterMs: 10_000, beatMs: 1_000, atMs: 100_000 });
  #atMs = 100_000;

  /** Own beats that come back, so many milliseconds apart. */
  beats(count: number, apartMs = 1_000): this {
    for (let beat = 0; beat < count; beat++) {
      this.#atMs += apartMs;
      this.presence.ownBeat(this.#atMs);
    }
    return this;
  }
}

describe("a member", () => {
  test("is silent when the planner's own beats came back for reassignAfterMs and nothing of it did", () => {
    const listening = new Listening().beats(3);
    listening.presence.heard("1");
    expect(listening.beats(9).presence.isSilent("1")).toBe(false);
    expect(listening.beats(1).presence.isSilent("1")).toBe(true);
    listening.presence.heard("1");
    expect(listening.presence.isSilent("1")).toBe(false);
  });

  test("that was never heard has the same time from the beginning on", () => {
    const listening = new Listening().beats(9);
    expect(listening.presence.knows("1")).toBe(false);
    expect(listening.presence.isSilent("1")).toBe(false);
    expect(listening.beats(1).presence.isSilent("1")).toBe(true);
  });

  test("does not become silent while no own beat comes back", () => {
    const listening = new Listening();
    listening.presence.heard("1");
    expect(listening.beats(9).presence.isSilent("1")).toBe(false);
    expect(listening.beats(1, 3_600_000).presence.isSilent("1")).toBe(false);
  });

  test("has the full time again after more than two own beats were missing; two may be", () => {
    const slow = new Listening();
    slow.presence.heard("1");
    expect(slow.beats(4, 2_500).presence.isSilent("1")).toBe(true);
    const away = new Listening().beats(9);
    away.presence.heard("2");
    away.beats(5).beats(1, 3_001);
    expect(away.beats(9).presence.isSilent("2")).toBe(false);
    expect(away.beats(1).presence.isSilent("2")).toBe(true);
  });

  test("that was silent before the log was away is so afterwards", () => {
    const listening = new Listening();
    listening.presence.heard("1");
    listening.beats(10).beats(1, 60_000);
    expect(listening.presence.isSilent("1")).toBe(true);
    expect(listening.presence.isSilent("2")).toBe(true);
  });

  test("that was never heard, its time not over, has it anew as well", () => {
    const listening = new Listening().beats(9).beats(1, 60_000);
    expect(listening.beats(9).presence.isSilent("1")).toBe(false);
    expect(listening.beats(1).presence.isSilent("1")).toBe(true);
  });
});
