import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { writeReplicas } from "../src/replicas-file.ts";

test("the file says how many replicas are wanted, and nothing else is left", () => {
  const dir = mkdtempSync(join(tmpdir(), "chaos-test-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const path = join(dir, "replicas.json");
  writeReplicas(path, "accounts", 3);
  writeReplicas(path, "accounts", 5);
  expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({ accounts: 5 });
  expect(readdirSync(dir)).toEqual(["replicas.json"]);
});
