import { expect, test } from "vitest";
import { resolveIdentity } from "../src/identity.ts";
import { createWorker } from "../src/index.ts";
import { World } from "./support/world.ts";

test.each([
  ["2", 2],
  ["0", 0],
  ["accounts-2", 2],
  ["my-accounts-0-17", 17],
  ["007", 7],
])("%s is ordinal %d", (configured, ordinal) => {
  expect(resolveIdentity(configured, 0, "other-9")).toEqual({ member: String(ordinal), ordinal });
});

test("without an option it is the hostname's", () => {
  expect(resolveIdentity(undefined, 0, "accounts-3")).toEqual({ member: "3", ordinal: 3 });
});

test.each([
  "",
  "accounts",
  "accounts-",
  "accounts-2a",
  "-1",
  "1.5",
  "NaN",
  "accounts-2 ",
  "1234567890",
  "２",
])("%j is refused", (configured) => {
  expect(() => resolveIdentity(configured, 0, "other-9")).toThrow(
    expect.objectContaining({
      code: "SHARDCAST_INVALID_CONFIG",
      message: expect.stringContaining("SHARDCAST_MEMBER"),
    }),
  );
});

test("a hostname without an ordinal is refused by name", () => {
  expect(() => resolveIdentity(undefined, 0, "laptop")).toThrow(/the hostname "laptop"/);
});

test("option wins over environment, and an ordinal beyond the replicas owns nothing yet", async () => {
  const { log } = await World.open();
  const options = { log, service: "accounts", replicas: 3 };
  expect(createWorker({ ...options, member: 1 }, { SHARDCAST_MEMBER: "accounts-2" }).member).toBe("1");
  expect(createWorker({ ...options, member: "pod-0" }, {}).member).toBe("0");
  expect(createWorker(options, { SHARDCAST_MEMBER: "accounts-2" }).member).toBe("2");
  expect(() => createWorker({ ...options, member: -1 }, {})).toThrow(/SHARDCAST_MEMBER/);
  // The map may give it lanes later.
  expect(createWorker({ ...options, member: 3 }, {}).lanes()).toEqual([]);
});

test("members are numbered from 0 on, whatever the ordinals of the StatefulSet begin at", () => {
  expect(resolveIdentity("accounts-5", 5)).toEqual({ member: "0", ordinal: 0 });
  expect(resolveIdentity("7", 5)).toEqual({ member: "2", ordinal: 2 });
});

test("an ordinal below the first one is refused by the names of both variables", () => {
  expect(() => resolveIdentity("accounts-4", 5)).toThrow(
    /SHARDCAST_MEMBER.*"accounts-4".*SHARDCAST_ORDINAL_START/,
  );
});
