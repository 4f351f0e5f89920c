import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { ReplicasFile } from "../src/replicas-file.ts";
import { recordingLogger } from "./support/gateway.ts";

function temporaryDir(): string {
  const dir = mkdtempSync(join(tmpdir(), "shardcast-replicas-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  return dir;
}

/** At once: the file is looked at all the time, and one that is written in place is empty for a moment. */
function put(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

/** A file that says nothing yet, unless it is given a text. */
async function start(text?: string) {
  const path = join(temporaryDir(), "replicas.json");
  if (text !== undefined) writeFileSync(path, text);
  return { path, ...(await open(path)) };
}

async function open(path: string) {
  const { logger, lines } = recordingLogger();
  const services = { accounts: { lanes: 24 }, orders: {} };
  const file = await ReplicasFile.open({ path, services, logger, pollMs: 5 });
  onTestFinished(() => file.close());
  const accounts = file.sourceOf("accounts", 3);
  const changed = () =>
    new Promise<number | undefined>((resolve) => {
      const stop = accounts.watch(() => {
        stop();
        resolve(accounts.replicas);
      });
    });
  return { file, lines, accounts, changed };
}

describe("the replicas file", () => {
  it("counts from the start, for the services that it names", async () => {
    const { file, accounts } = await start('{"accounts": 4, "of-others": 9}');
    expect(accounts.replicas).toBe(4);
    expect(file.sourceOf("orders", 2).replicas).toBe(2);
    expect(file.sourceOf("constructor", 1).replicas).toBe(1);
  });

  it("is followed when it changes, by a link that is swapped as well, and tells only those it concerns", async () => {
    const dir = temporaryDir();
    const path = join(dir, "replicas.json");
    for (const [version, text] of [
      ["v1", '{"accounts": 4}'],
      ["v2", '{"accounts": 5, "orders": 7}'],
    ] as const) {
      mkdirSync(join(dir, version));
      writeFileSync(join(dir, version, "replicas.json"), text);
    }
    // As Kubernetes mounts a ConfigMap.
    symlinkSync("v1", join(dir, "..data"));
    symlinkSync("..data/replicas.json", path);
    const { file, accounts, changed } = await open(path);
    expect(accounts.replicas).toBe(4);
    let others = 0;
    file.sourceOf("bills", 1).watch(() => others++);
    const swapped = changed();
    symlinkSync("v2", join(dir, "..data_tmp"));
    renameSync(join(dir, "..data_tmp"), join(dir, "..data"));
    expect(await swapped).toBe(5);
    expect(file.sourceOf("orders", 2).replicas).toBe(7);
    const again = changed();
    put(path, "{}");
    expect(await again).toBe(3);
    expect(others).toBe(0);
  });

  it.each([
    ["no JSON", "{accounts: 5}"],
    ["no object", "[5]"],
    ["no number", '{"accounts": "5"}'],
    ["none at all", '{"accounts": 0}'],
    ["half of one", '{"accounts": 4.5}'],
    ["more than lanes", '{"accounts": 25}'],
    ["another service's fault", '{"accounts": 5, "orders": -1}'],
  ])("keeps what it said last while it is bad (%s), and says so once", async (_, bad) => {
    const { path, accounts, lines, changed } = await start('{"accounts": 4}');
    put(path, bad);
    await expect.poll(() => warnings(lines), { timeout: 5_000 }).toBe(1);
    expect(accounts.replicas).toBe(4);
    const mended = changed();
    put(path, '{"accounts": 6}');
    expect(await mended).toBe(6);
    expect(warnings(lines)).toBe(1);
  });

  it("may be missing for a while", async () => {
    const { path, accounts, lines, changed } = await start();
    expect([accounts.replicas, warnings(lines)]).toEqual([3, 1]);
    const there = changed();
    put(path, '{"accounts": 4}');
    expect(await there).toBe(4);
    unlinkSync(path);
    await expect.poll(() => warnings(lines), { timeout: 5_000 }).toBe(2);
    expect(accounts.replicas).toBe(4);
    put(path, '{"accounts": 4}');
    await expect.poll(() => lines.filter(({ level }) => level === 30).length).toBe(2);
    unlinkSync(path);
    await expect.poll(() => warnings(lines)).toBe(3);
  });
});

function warnings(lines: readonly { readonly level: number }[]): number {
  return lines.filter(({ level }) => level === 40).length;
}
