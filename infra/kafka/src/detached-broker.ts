import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { spawnBroker } from "./broker-process.ts";
import { commandLine } from "./command-line.ts";
import { repoRoot } from "./paths.ts";
import { canConnect, isFree } from "./ports.ts";
import { brokerFiles, prepareBroker } from "./prepare-broker.ts";

const readyLimitMs = 60_000;
const stopGraceMs = 20_000;

/** The broker of `npm run kafka`: it goes on after the command, and is found again by the pid in its folder. */
export function detachedBrokerDir(port: number): string {
  return join(repoRoot, ".kafka", String(port));
}

/** Starts the broker unless it runs already, and waits until it serves. */
export async function upDetached(port: number): Promise<"started" | "already up"> {
  const running = await runningPid(port);
  if (running !== undefined) {
    await untilServing(port);
    return "already up";
  }
  if (!(await isFree(port)))
    throw new Error(`Port ${port} is in use by another program; choose one by --port`);
  const dir = detachedBrokerDir(port);
  await mkdir(dir, { recursive: true });
  const files = brokerFiles(dir);
  await prepareBroker(files, port);
  const broker = await spawnBroker(files, {
    port,
    detached: true,
    onSpawn: ({ pid }) => writeFile(pidFile(port), `${pid}\n`),
  });
  broker.unref();
  return "started";
}

/** Stops the broker and waits for its end; its data stays. */
export async function downDetached(port: number): Promise<"stopped" | "not up"> {
  const pid = await runningPid(port);
  if (pid === undefined) return "not up";
  signal(pid, "SIGTERM");
  // A paused process gets the signal only once it runs again.
  signal(pid, "SIGCONT");
  const forceAt = Date.now() + stopGraceMs;
  while ((await runningPid(port)) !== undefined) {
    if (Date.now() > forceAt) signal(pid, "SIGKILL");
    await delay(50);
  }
  await rm(pidFile(port), { force: true });
  return "stopped";
}

export async function isUpDetached(port: number): Promise<boolean> {
  return (await runningPid(port)) !== undefined && (await canConnect(port));
}

const pidFile = (port: number): string => join(detachedBrokerDir(port), "broker.pid");

/** The broker's pid, or undefined when it does not run: a pid alone may belong to another program by now. */
async function runningPid(port: number): Promise<number | undefined> {
  const pid = Number(await readFile(pidFile(port), "utf8").catch(() => ""));
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  const isOurs = (await commandLine(pid)).includes(brokerFiles(detachedBrokerDir(port)).config);
  return isOurs ? pid : undefined;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // Gone in the meantime: what was wanted.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function untilServing(port: number): Promise<void> {
  const deadline = Date.now() + readyLimitMs;
  while (!(await canConnect(port))) {
    if (Date.now() > deadline) throw new Error(`The broker runs but does not answer on port ${port}`);
    await delay(50);
  }
}
