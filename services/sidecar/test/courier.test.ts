import { RetryableError } from "@shardcast/worker";
import { expect, test } from "vitest";
import type { AppAnswer, PostOptions } from "../src/app/application.ts";
import { Courier } from "../src/relay/courier.ts";

const ANSWER: AppAnswer = { status: 204, headers: {}, body: Buffer.alloc(0), tooLarge: false };
const REQUEST = { path: "/requests", headers: {}, body: Buffer.alloc(0) };
const REFUSED = Object.assign(new Error("refused"), { code: "ECONNREFUSED", syscall: "connect" });
const RESET = Object.assign(new Error("reset"), { code: "ECONNRESET", syscall: "read" });

/** A courier whose application fails with these first, and is well again whenever somebody waits for it. */
function courierOf(failures: readonly Error[], maxAttempts = 1) {
  const left = [...failures];
  const posts: PostOptions[] = [];
  const seen = { missed: 0, waited: 0 };
  let isWell = true;
  const courier = new Courier({
    application: {
      async post(_request, options) {
        posts.push(options);
        const failure = left.shift();
        if (failure !== undefined) throw failure;
        return ANSWER;
      },
    },
    presence: {
      get isWell() {
        return isWell;
      },
      missed() {
        seen.missed++;
        isWell = false;
      },
      async well() {
        seen.waited++;
        isWell = true;
      },
    },
    leaving: new AbortController().signal,
    maxAttempts,
  });
  return { courier, posts, seen };
}

function bounds(remainingMs = 1_234) {
  return { attempt: 1, signal: new AbortController().signal, remainingMs: () => remainingMs };
}

test("nobody to connect to is no attempt: it waits for the application, and asks again (C3)", async () => {
  const { courier, posts, seen } = courierOf([REFUSED, new AggregateError([REFUSED, REFUSED])]);
  expect(await courier.bring(() => REQUEST, bounds())).toBe(ANSWER);
  expect(posts).toHaveLength(3);
  expect(seen).toEqual({ missed: 2, waited: 2 });
});

test("a connection that breaks is an attempt, and says nothing about the application (C9)", async () => {
  const { courier, posts, seen } = courierOf([RESET]);
  await expect(courier.bring(() => REQUEST, bounds())).rejects.toBeInstanceOf(RetryableError);
  expect(posts).toHaveLength(1);
  expect(seen.missed).toBe(0);
});

test("the application has the time that is left, and is not asked when there is none (C8)", async () => {
  const { courier, posts } = courierOf([]);
  await courier.bring(() => REQUEST, bounds(1_234));
  expect(posts.map(({ timeoutMs }) => timeoutMs)).toEqual([1_234]);
  await expect(courier.bring(() => REQUEST, bounds(0))).rejects.toBeInstanceOf(RetryableError);
  expect(posts).toHaveLength(1);
});
