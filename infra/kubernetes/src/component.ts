import { spawn } from "node:child_process";
import { once } from "node:events";
import { open, readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { guardAgainstOrphan } from "@shardcast/infra-kafka";

/** With a busy machine in mind. */
const START_LIMIT_MS = 120_000;
const STOP_GRACE_MS = 10_000;

export interface ComponentOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Where it runs; relative paths of its arguments begin here. */
  readonly cwd: string;
  /** A file that takes its output. */
  readonly log: string;
  /** Whether it does its work. Asked until it says so. */
  readonly isReady: () => Promise<boolean>;
}

/** One process of the control plane. */
export interface Component {
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>;
  /** Ends it in good order, forcibly if that takes too long. */
  stop(): Promise<void>;
}

/** Resolves when it does its work, rejects with the tail of its output when it ends before. It does not outlive us. */
export async function startComponent(options: ComponentOptions): Promise<Component> {
  const { name, command, args, cwd, isReady } = options;
  const log = await open(options.log, "a");
  try {
    // Its own HOME: whatever it looks for there is none of its business.
    const env = { PATH: process.env.PATH, HOME: cwd };
    const child = spawn(command, args, { cwd, env, stdio: ["ignore", log.fd, log.fd] });
    await once(child, "spawn");
    const dismissGuard = guardAgainstOrphan(child.pid as number);
    const ended = once(child, "exit").then(dismissGuard);
    const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
    const end = async (signal: NodeJS.Signals) => {
      if (!hasEnded()) child.kill(signal);
      await ended;
    };
    const component: Component = {
      kill: () => end("SIGKILL"),
      async stop() {
        const force = setTimeout(() => child.kill("SIGKILL"), STOP_GRACE_MS);
        await end("SIGTERM");
        clearTimeout(force);
      },
    };
    const limit = Date.now() + START_LIMIT_MS;
    while (!(await isReady())) {
      if (hasEnded() || Date.now() > limit) {
        await component.kill();
        const tail = (await readFile(options.log, "utf8")).slice(-2_000);
        throw new Error(`${name} did not start:\n${tail}`);
      }
      await delay(50);
    }
    return component;
  } finally {
    await log.close();
  }
}
