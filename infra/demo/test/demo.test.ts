import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const TIMEOUT_MS = 60_000;

interface Run {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly exited: Promise<number | null>;
  /** What is left in the folder for temporary files. */
  readonly left: () => string[];
}

function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Run {
  const temporary = mkdtempSync(join(tmpdir(), "demo-test-"));
  const child = spawn(process.execPath, ["--conditions=@shardcast/source", MAIN, ...args], {
    env: { TMPDIR: temporary, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk) => {
      text += chunk;
    });
  }
  onTestFinished(() => {
    child.kill("SIGKILL");
    rmSync(temporary, { recursive: true, force: true });
  });
  const exited = once(child, "close").then(([code]) => code as number | null);
  return { child, output: () => text, exited, left: () => readdirSync(temporary) };
}

/** Makes the calls that the output shows as curl commands after a heading. */
async function callShown(output: string, heading: string): Promise<Response[]> {
  const shown = output.slice(output.indexOf(heading));
  const commands = [...shown.matchAll(/\$ curl (?:-X POST|-d '(.+)') (\S+)/g)];
  return Promise.all(
    commands.map(([, body, url = ""]) => fetch(url, { method: "POST", body: body ?? null })),
  );
}

describe("the demo", () => {
  test("--once takes the tour, ends with 0 and leaves nothing behind", { timeout: TIMEOUT_MS }, async () => {
    // What the tour shows does not depend on a configuration that happens to lie around.
    const { exited, output, left } = run(["--once"], { SHARDCAST_PORT: "1", SHARDCAST_REPLICAS: "9" });
    expect(await exited, output()).toBe(0);
    for (const line of [
      /^1\. A request for a key$/m,
      /"handledBy":{"member":"2","lane":2,"offset":0}/,
      /^2\. Order: 200 deposits at once$/m,
      /ok Every balance is the sum of its deposits\./,
      /^3\. The same 200 deposits, past the lanes$/m,
      /!! [1-9][0-9]* of the 200 deposits have left no trace;/,
      /^4\. A request that always fails$/m,
      /502 {"attempts":3,/,
      /"code":"SHARDCAST_ATTEMPTS_EXHAUSTED"/,
      /sc-dead-origin +accounts\.requests\/1\/[0-9]+/,
      /^5\. A replica dies and starts again$/m,
      /[1-9][0-9]* callers wait/,
      /ok Nothing lost, nothing twice:/,
      /^6\. Every replica is told, also one that is down$/m,
      /^ +1 +waiting *$/m,
      /the verdict is open\./,
      /^ +1 +acked +1 +1\.5% from 0\.00, 2\.25% from 10,000\.00$/m,
      /"interestPercent":2\.25/,
      /The verdict is satisfied/,
    ]) {
      expect(output()).toMatch(line);
    }
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the first character of a colour
    expect(output()).not.toMatch(/\u001b/);
    expect(output()).not.toContain("serving");
    expect(
      Math.max(
        ...output()
          .split("\n")
          .map(({ length }) => length),
      ),
    ).toBeLessThanOrEqual(100);
    expect(left()).toEqual([]);
  });

  test("serves until Ctrl-C, and what it says to try works", { timeout: TIMEOUT_MS }, async () => {
    const { child, exited, output, left } = run(["--port", "0"]);
    await expect.poll(output, { timeout: TIMEOUT_MS }).toMatch(/until Ctrl-C[^$]+\$ .+\n.+\$ .+\n/);
    const answers = await callShown(output(), "It goes on serving");
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(await answers[0]?.json()).toMatchObject({ account: "yours", balance: 4200 });
    child.kill("SIGINT");
    expect(await exited, output()).toBe(0);
    expect(left()).toEqual([]);
  });

  test("ends with 0 when it is interrupted during the tour", { timeout: TIMEOUT_MS }, async () => {
    const { child, exited, output, left } = run(["--once"]);
    await expect.poll(output, { timeout: TIMEOUT_MS, interval: 5 }).toMatch(/^2\. /m);
    child.kill("SIGINT");
    expect(await exited, output()).toBe(0);
    expect(left()).toEqual([]);
  });

  test("says when the port that was asked for is taken, and ends with 1", {
    timeout: TIMEOUT_MS,
  }, async () => {
    const server = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const { exited, output, left } = run(["--port", String(port)]);
    expect(await exited).toBe(1);
    expect(output()).toContain(`${port}`);
    expect(left()).toEqual([]);
  });

  test("--help tells the options; others are refused", { timeout: TIMEOUT_MS }, async () => {
    const help = run(["--help"]);
    expect(await help.exited).toBe(0);
    expect(help.output()).toMatch(/--once.*--port/s);
    for (const args of [["--twice"], ["--port", "http"], ["--port", "65536"]]) {
      const refused = run(args);
      expect(await refused.exited).toBe(2);
      expect(refused.output()).toContain("Usage:");
    }
  });
});
