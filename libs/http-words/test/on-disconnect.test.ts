import { expect, it } from "vitest";
import { cancelsOnDisconnect } from "../src/on-disconnect.ts";

it("cancelsOnDisconnect knows one word", () => {
  expect(cancelsOnDisconnect({})).toBe(false);
  expect(cancelsOnDisconnect({ "shardcast-on-disconnect": "cancel" })).toBe(true);
  expect(() => cancelsOnDisconnect({ "shardcast-on-disconnect": "keep" })).toThrow(/Shardcast-On-Disconnect/);
});
