import { ShardcastError } from "@shardcast/protocol";
import { expect, it } from "vitest";
import { problemAnswer } from "../src/problem-answer.ts";

const busy = (retryAfterSeconds: unknown) =>
  new ShardcastError("SHARDCAST_LANE_BUSY", "busy", { extensions: { retryAfterSeconds } });
const retryAfter = (error: unknown) => problemAnswer(error).headers["retry-after"];

it("C7: Retry-After is what the error says of its lane", () => {
  expect([1, 7, 60].map((seconds) => retryAfter(busy(seconds)))).toEqual(["1", "7", "60"]);
});

it.each([undefined, 0, -3, 61, 1.5, "7", "1\r\nset-cookie: x", null, Number.NaN])(
  "Retry-After is a second where a problem says %j, which may be a worker's",
  (seconds) => {
    expect(retryAfter(busy(seconds))).toBe("1");
  },
);

it("is said only where trying again may help", () => {
  const refused = new ShardcastError("SHARDCAST_HANDLER_REFUSED", "no", {
    status: 503,
    extensions: { retryAfterSeconds: 7 },
  });
  expect(retryAfter(refused)).toBeUndefined();
});

it("is said of what an operator is to mend", () => {
  expect(retryAfter(new ShardcastError("SHARDCAST_TOPIC_MISMATCH", "topics", { status: 503 }))).toBe("5");
  expect(retryAfter(new ShardcastError("SHARDCAST_LOG_REFUSED", "credentials"))).toBe("5");
});

it.each([200, 99, 600, 6_000])(
  "a status of %i, which may be a worker's, is the table's instead",
  (status) => {
    const { body, ...answer } = problemAnswer(
      new ShardcastError("SHARDCAST_HANDLER_REFUSED", "no", { status, extensions: { balance: 3 } }),
    );
    expect(answer).toEqual({ status: 422, headers: { "content-type": "application/problem+json" } });
    expect(JSON.parse(body.toString())).toMatchObject({ status: 422, detail: "no", balance: 3 });
  },
);

it("names the request, where its id is one", () => {
  const failed = (requestId: unknown) =>
    problemAnswer(new ShardcastError("SHARDCAST_DEADLINE_EXCEEDED", "late", { extensions: { requestId } }));
  expect(failed("7-a").headers).toHaveProperty("shardcast-request-id", "7-a");
  expect(failed(7).headers).not.toHaveProperty("shardcast-request-id");
});

it("keeps the secrets of what is none of our errors", () => {
  const { status, body } = problemAnswer(new Error("the password is 1234"));
  expect(status).toBe(500);
  expect(body.toString()).not.toContain("1234");
});
