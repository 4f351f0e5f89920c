import { expect, test } from "vitest";
import { OpenStates } from "../src/open-states.ts";
import { running } from "./support/world.ts";

test("C7: what had no news for longest gives way", () => {
  const states = new OpenStates(2);
  states.put(running("a"));
  states.put(running("b"));
  states.put(running("a", { fencingToken: 8 }));
  states.put(running("c"));
  expect(states.size).toBe(2);
  expect(states.get("b")).toBeUndefined();
  expect(states.get("a")?.fencingToken).toBe(8);
  states.delete("a");
  expect(states.get("a")).toBeUndefined();
});

test("C7: what had no news since a time is dropped", () => {
  const states = new OpenStates(9);
  states.put(running("a", { atMs: 1 }));
  states.put(running("b", { atMs: 2 }));
  states.dropBefore(2);
  expect(states.get("a")).toBeUndefined();
  expect(states.get("b")).toBeDefined();
});
