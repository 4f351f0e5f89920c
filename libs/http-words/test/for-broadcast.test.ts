import { expect, it } from "vitest";
import { assertForBroadcast } from "../src/for-broadcast.ts";

it("lets pass what broadcasts have", () => {
  expect(() => assertForBroadcast({ prefer: "wait=5", "idempotency-key": "a", "x-a": "1" })).not.toThrow();
});

it.each(["Request-Timeout", "Delay", "Delay-Until", "Callback-URL", "Shardcast-On-Disconnect"])(
  "refuses %s by name, whatever it says",
  (name) => {
    expect(() => assertForBroadcast({ [name.toLowerCase()]: "" })).toThrow(new RegExp(`^${name}: `));
  },
);
