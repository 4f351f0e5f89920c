import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Mutation } from "../src/mutations.ts";
import { patchedCopy } from "../src/patched-copy.ts";

/** A small repository: a program, a library of ours beside it, and one from outside. */
function repository(): string {
  const root = mkdtempSync(join(tmpdir(), "chaos-test-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const write = (file: string, text: string) => {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  };
  const manifest = (name: string) => JSON.stringify({ name, type: "module", exports: "./index.js" });
  write(
    "services/app/main.js",
    'import { a } from "@shardcast/a"; import { b } from "b"; console.log(a, b);',
  );
  write("services/app/package.json", manifest("@shardcast/app"));
  write("libs/a/index.js", 'export const a = "whole";');
  write("libs/a/package.json", manifest("@shardcast/a"));
  write("infra/x/package.json", manifest("x"));
  write("node_modules/b/index.js", 'export const b = "outside";');
  write("node_modules/b/package.json", manifest("b"));
  mkdirSync(join(root, "node_modules/@shardcast"));
  symlinkSync("../../libs/a", join(root, "node_modules/@shardcast/a"));
  return root;
}

function mutation(find: string): Mutation {
  return { name: "broken", breaks: ["C1"], changes: [{ file: "libs/a/index.js", find, replace: "broken" }] };
}

test("what runs from the copy uses the patched sources; the original is as it was", async () => {
  const root = repository();
  const copy = await patchedCopy(root, mutation("whole"));
  onTestFinished(() => rmSync(copy, { recursive: true }));
  const said = (from: string) =>
    execFileSync(process.execPath, [join(from, "services/app/main.js")], { encoding: "utf8" }).trim();
  expect(said(copy)).toBe("broken outside");
  expect(said(root)).toBe("whole outside");
  expect(readFileSync(join(root, "libs/a/index.js"), "utf8")).toContain("whole");
});

test("sources that do not have the text are refused", async () => {
  await expect(patchedCopy(repository(), mutation("gone"))).rejects.toThrow(/0 times/);
});
