import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll } from "vitest";
import { behaviourSuite } from "./suite.ts";
import { found, notRun } from "./support/found.ts";
import { withSidecar } from "./support/with-sidecar.ts";

const FOLDER = fileURLToPath(new URL("../../examples/go", import.meta.url));
const NAME = "the Go example behind its sidecar";
/** Go builds its own library with it the first time. */
const BUILD_MS = 300_000;

const go = found("go");
if (go === undefined) notRun(NAME, "go");
else {
  const dir = mkdtempSync(join(tmpdir(), "shardcast-go-"));
  const ledger = join(dir, "ledger");
  beforeAll(() => {
    const env = { ...process.env, CGO_ENABLED: "0" };
    execFileSync(go, ["build", "-o", ledger, "."], { cwd: FOLDER, env, stdio: "inherit" });
  }, BUILD_MS);
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  behaviourSuite(NAME, withSidecar([ledger]));
}
