import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { scripted, status } from "./support/broadcasts.ts";
import { run } from "./support/world.ts";

let cwd = "";

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "shardcast-cli-"));
  onTestFinished(() => rmSync(cwd, { recursive: true }));
});

const decided = status([], { verdict: "satisfied", reason: "not-awaited" });

/** The options that a notify came to. */
async function optionsOf(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { client, asked } = scripted({ accepted: decided });
  const ran = await run(["notify", "accounts", ...args], { client, cwd, env: { HOME: cwd, ...env } });
  return { ...ran, options: asked[0]?.options };
}

function file(said: unknown, name = ".shardcast.json"): string {
  const path = join(cwd, name);
  writeFileSync(path, typeof said === "string" ? said : JSON.stringify(said));
  return path;
}

test("a flag counts more than the environment, that more than the file, that more than the default", async () => {
  file({ ack: 3, wait: "7s", ttl: "1h" });
  const env = { SHARDCAST_ACK: "quorum", SHARDCAST_WAIT: "8s" };
  const { options } = await optionsOf(["--ack", "none"], env);
  expect(options).toMatchObject({ ack: "none", timeoutMs: 8_000, ttlMs: 3_600_000 });
  expect((await optionsOf([], { SHARDCAST_WAIT: "" })).options).toMatchObject({ ack: 3, timeoutMs: 7_000 });
  rmSync(join(cwd, ".shardcast.json"));
  expect((await optionsOf([])).options).toMatchObject({ ack: "all", timeoutMs: 60_000 });
});

test("without one in the directory the user's file counts, and one that is named more than both", async () => {
  mkdirSync(join(cwd, "xdg/shardcast"), { recursive: true });
  file({ ack: 4 }, "xdg/shardcast/config.json");
  const env = { XDG_CONFIG_HOME: join(cwd, "xdg") };
  expect((await optionsOf([], env)).options).toMatchObject({ ack: 4 });
  file({ ack: 5 });
  expect((await optionsOf([], env)).options).toMatchObject({ ack: 5 });
  file({ ack: 6 }, "mine.json");
  expect((await optionsOf([], { ...env, SHARDCAST_CONFIG: "mine.json" })).options).toMatchObject({ ack: 6 });
  file({ ack: 7 }, "other.json");
  const named = await optionsOf(["--config", "other.json"], { SHARDCAST_CONFIG: "mine.json" });
  expect(named.options).toMatchObject({ ack: 7 });
});

test("everything that is wrong is told at once, each with who said it, and nothing is sent", async () => {
  const path = file({ gatway: "http://gw", wait: "soon", timeout: 5, json: false });
  const args = ["--ack", "most", "--ack", "0", "--header", "none", "--gateway", "gw:8080"];
  const { code, stderr, options } = await optionsOf(args, {
    SHARDCAST_TTL: "60",
    SHARDCAST_IDEMPOTENCY_KEY: "ü",
  });
  expect(code).toBe(2);
  expect(options).toBeUndefined();
  expect(new Set(stderr.trimEnd().split("\n"))).toEqual(
    new Set([
      "shardcast: --ack: all, quorum, none, or a number from 1 to 10000",
      "shardcast: --ack: given more than once",
      "shardcast: --gateway: a URL that begins with http:// or https://",
      'shardcast: --header: name=value with the name of a header, got "none"',
      `shardcast: ${path}: "gatway" is not known; there are gateway, json, ack, ttl, wait, timeout`,
      `shardcast: ${path}: timeout: a time with its unit, such as 500ms, 60s, 5m, 1h or 2d`,
      `shardcast: ${path}: wait: a time with its unit, such as 500ms, 60s, 5m, 1h or 2d, got "soon"`,
      "shardcast: SHARDCAST_IDEMPOTENCY_KEY: 1 to 255 printable ASCII characters",
      'shardcast: SHARDCAST_TTL: a time with its unit, such as 500ms, 60s, 5m, 1h or 2d, got "60"',
    ]),
  );
});

test("a file that is named and missing, or no JSON, or no object, is a fault", async () => {
  expect(await optionsOf(["--config", "missing.json"])).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/missing\.json: ENOENT/),
  });
  file("{");
  expect(await optionsOf([])).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/\.shardcast\.json: /),
  });
  file([]);
  expect(await optionsOf([])).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/must be a JSON object/),
  });
});

test.each([
  ["500ms", 500],
  ["1.5s", 1_500],
  ["60s", 60_000],
  ["5m", 300_000],
  ["2h", 7_200_000],
  ["1d", 86_400_000],
])("%s are %d milliseconds", async (text, ms) => {
  expect((await optionsOf(["--wait", text])).options).toMatchObject({ timeoutMs: ms });
});

test.each(["60", "0s", "-1s", "1 h", "1y", "", "30d", "s", "1e3s"])("%j is no time to wait", async (text) => {
  const { code, stderr } = await optionsOf([`--wait=${text}`]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^shardcast: --wait: /);
});

test("a body's file that can not be read is bad usage", async () => {
  expect(await optionsOf(["--data", "@missing"])).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/--data: ENOENT/),
  });
  file("rates", "rates.txt");
  const { client, asked } = scripted({ accepted: decided });
  await run(["notify", "accounts", "--data", "@rates.txt"], { client, cwd });
  expect(asked[0]?.body).toBe("rates");
});
