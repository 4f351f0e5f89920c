import { ShardcastError } from "@shardcast/protocol";
import { expect, it } from "vitest";
import { problemAnswer } from "../src/problems.ts";

const busy = (retryAfterSeconds: unknown) =>
  new ShardcastError("SHARDCAST_LANE_BUSY", "busy", { extensions: { retryAfterSeconds } });

it("C7: Retry-After is what the error says of its lane", () => {
  expect([1, 7, 60].map((seconds) => problemAnswer(busy(seconds)).retryAfter)).toEqual(["1", "7", "60"]);
});

it.each([undefined, 0, -3, 61, 1.5, "7", "1\r\nset-cookie: x", null, Number.NaN])(
  "Retry-After is a second where a problem says %j, which may be a worker's",
  (seconds) => {
    expect(problemAnswer(busy(seconds)).retryAfter).toBe("1");
  },
);

it("is said only where trying again may help", () => {
  const refused = new ShardcastError("SHARDCAST_HANDLER_REFUSED", "no", {
    status: 503,
    extensions: { retryAfterSeconds: 7 },
  });
  expect(problemAnswer(refused).retryAfter).toBeUndefined();
});
