import { ShardcastError, toProblem } from "@shardcast/protocol";
import { expect, test } from "vitest";
import { run } from "./support/world.ts";

/** A gateway that answers everything alike, and what it was asked. */
function answering(status: number, body: unknown) {
  const asked: { readonly url: string; readonly body: unknown }[] = [];
  const fetch = (async (url: string, { body: sent }: RequestInit = {}) => {
    asked.push({ url, body: sent === undefined ? undefined : JSON.parse(String(sent)) });
    return new Response(typeof body === "string" ? body : JSON.stringify(body), { status });
  }) as typeof globalThis.fetch;
  return { asked, fetch };
}

const letter = {
  id: "0199c2a4e1b07d3f8a6512f09bd40002",
  lane: 1,
  offset: 4,
  key: null,
  keyBase64: "/w==",
  handler: "deposit",
  code: "SHARDCAST_ATTEMPTS_EXHAUSTED",
  reason: "no\u001b[31m disk",
  attempts: 5,
  at: "2026-11-21T12:00:00.000Z",
  settled: false,
};

test("a list asks with the gateway's filters, and is a table or an object a line", async () => {
  const { asked, fetch } = answering(200, { letters: [letter, letter], cursor: "c2" });
  const args = "dead-letters list my/accounts --gateway http://gw:1/base/ --key 007 --lane 1 --all --limit 2";
  const shown = await run([...args.split(" "), "--from", "2026-11-21T12:00:00+01:00"], { fetch });
  expect(shown.code).toBe(0);
  expect(shown.stderr).toBe("there are more: --cursor c2\n");
  const lines = shown.stdout.trimEnd().split("\n");
  expect(lines).toHaveLength(3);
  expect(lines[1]).toMatch(/^1 +4 +base64:\/w== +deposit +ATTEMPTS_EXHAUSTED +5 .* no \[31m disk$/);
  const [{ url } = { url: "" }] = asked;
  expect(new URL(url).pathname).toBe("/base/v1/my%2Faccounts/dead-letters");
  expect(Object.fromEntries(new URL(url).searchParams)).toEqual({
    key: "007",
    lane: "1",
    all: "true",
    body: "false",
    limit: "2",
    from: "2026-11-21T12:00:00+01:00",
  });
  const json = await run([...args.split(" "), "--json"], { fetch });
  expect(
    json.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line)),
  ).toEqual([letter, letter]);
});

test("a redrive sends the selection, and says what became of it", async () => {
  const report = { dryRun: true, matched: 3, redriven: 2, skipped: { truncated: 1 }, settledBefore: 4 };
  const { asked, fetch } = answering(200, report);
  const args = "dead-letters redrive accounts --id a --id b --dry-run --rate-per-second 0.5 --max-redrives 2";
  const { code, stdout } = await run(args.split(" "), { fetch });
  expect([code, stdout]).toEqual([
    0,
    "3 letters: 2 would be sent again, 1 skipped (truncated); 4 settled before\n",
  ]);
  expect(asked[0]).toMatchObject({
    url: "http://127.0.0.1:8080/v1/accounts/dead-letters/redrive",
    body: { ids: ["a", "b"], dryRun: true, ratePerSecond: 0.5, maxRedrives: 2, force: false },
  });
});

test("faults of the flags are told together", async () => {
  const args = "dead-letters list a --lane x --code NOPE --from yesterday --limit 0";
  const { code, stderr } = await run(args.split(" "));
  expect(code).toBe(2);
  expect(stderr.split("\n").map((line) => line.split(":")[1])).toEqual([
    " --lane",
    " --code",
    " --from",
    " --limit",
    undefined,
  ]);
});

test.each([
  [404, toProblem(new ShardcastError("SHARDCAST_UNKNOWN_SERVICE", "not served")), 7],
  [503, toProblem(new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", "away")), 6],
  [502, "<html>", 6],
  [404, "<html>", 7],
  [200, { hello: "world" }, 7],
])("an answer %d %j is exit code %d", async (status, body, code) => {
  expect((await run(["dead-letters", "list", "a"], answering(status, body))).code).toBe(code);
});

test("a gateway that can not be reached is exit code 6, with why", async () => {
  const fetch = () =>
    Promise.reject(new TypeError("fetch failed", { cause: new Error("connect ECONNREFUSED") }));
  const { code, stderr } = await run(["dead-letters", "list", "a"], { fetch });
  expect(code).toBe(6);
  expect(stderr).toContain("(connect ECONNREFUSED)");
});
