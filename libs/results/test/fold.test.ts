import type { ResultEnvelope } from "@shardcast/protocol";
import { expect, test } from "vitest";
import { replaces } from "../src/fold.ts";
import { ended, running } from "./support/world.ts";

const at = { atMs: 1_000 };
const expired = (fields = {}) => ended("a", { ...at, end: "expired", ...fields });

test.each<[string, ResultEnvelope, ResultEnvelope | undefined, boolean]>([
  ["anything is news of what is not known", running("a"), undefined, true],
  ["C3: an end is final within its delivery", ended("a", { end: "failed" }), ended("a"), false],
  ["C3: also before what started late", running("a", { fencingToken: 99 }), ended("a"), false],
  ["a later delivery replaces an end", running("a", { delivery: 2 }), ended("a"), true],
  ["an earlier delivery replaces nothing", ended("a"), running("a", { delivery: 2 }), false],
  ["an end replaces what it ran as", ended("a"), running("a", { fencingToken: 99 }), true],
  ["the next owner's attempt counts", running("a", { fencingToken: 8 }), running("a"), true],
  ["C2: a lost owner's attempt does not", running("a", { fencingToken: 6 }), running("a"), false],
  ["C5: what expired and was sent again ends again", ended("a", at), expired(), true],
  ["C5: and runs again before", running("a", { atMs: 1_001 }), expired(), true],
  ["a start that is told late is not a second run", running("a", at), expired(), false],
  ["an expiry that is read back is no news", expired(), expired(), false],
  ["a second expiry is", expired({ atMs: 1_001 }), expired(), true],
  ["a lost owner says nothing of it", ended("a", { fencingToken: 6, atMs: 2_000 }), expired(), false],
])("%s", (_, news, known, expected) => {
  expect(replaces(news, known)).toBe(expected);
});
