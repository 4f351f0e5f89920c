import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test, vi } from "vitest";
import { Kept } from "../src/kept.ts";
import { ChaosProcess } from "../src/process.ts";

const script = fileURLToPath(new URL("./support/fixture.ts", import.meta.url));

function specOf(env: Record<string, string> = {}) {
  const dir = mkdtempSync(join(tmpdir(), "chaos-test-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return { name: "fixture", script, env, logFile: join(dir, "log") };
}

function keep(env: Record<string, string> = {}) {
  const onUnasked = vi.fn<(name: string, exit: object) => void>();
  const kept = new Kept(specOf(env), onUnasked);
  onTestFinished(() => kept.stop());
  kept.start();
  return { kept, onUnasked };
}

test("a process that is killed is started again, and that was asked for", async () => {
  const { kept, onUnasked } = keep();
  await kept.ready();
  kept.kill(0);
  expect(kept.on).toBe(false);
  await kept.ready();
  expect(kept.on).toBe(true);
  expect(onUnasked).not.toHaveBeenCalled();
});

test("a node that is lost for long comes back at once when everything is healed", async () => {
  const { kept } = keep();
  await kept.ready();
  kept.kill(3_600_000);
  kept.heal();
  await kept.ready();
  expect(kept.on).toBe(true);
});

test("a process that ends by itself is told of, and started again", async () => {
  const { kept, onUnasked } = keep({ FIXTURE_ENDS: "1" });
  await kept.ready();
  await vi.waitFor(() => expect(onUnasked).toHaveBeenCalledTimes(2), { timeout: 10_000 });
  expect(onUnasked).toHaveBeenCalledWith("fixture", { code: 1, signal: null });
});

test("a frozen process is stopped in order", async () => {
  const { kept, onUnasked } = keep();
  await kept.ready();
  kept.freeze(3_600_000);
  expect(kept.frozen).toBe(true);
  await kept.stop();
  expect(kept.on).toBe(false);
  expect(onUnasked).not.toHaveBeenCalled();
});

test("a process that is stopped while it is down does not come back", async () => {
  const { kept } = keep();
  await kept.ready();
  kept.kill(0);
  await kept.stop();
  expect(kept.on).toBe(false);
  kept.start();
  await kept.ready();
  expect(kept.on).toBe(true);
});

test("the wall clock of a process can be moved, in all its forms, and its timers go on", async () => {
  const spec = specOf();
  const chaos = new ChaosProcess(spec);
  onTestFinished(() => chaos.kill("SIGKILL"));
  let said = 0;
  chaos.onReady(() => said++);
  await vi.waitFor(() => expect(said).toBe(1));
  chaos.shiftClock(3_600_000);
  await vi.waitFor(() => expect(said).toBe(2));
  chaos.shiftClock(0);
  await vi.waitFor(() => expect(said).toBe(3));
  expect(readFileSync(spec.logFile, "utf8")).toBe("3600 0\n0 0\n");
});
