#!/usr/bin/env node
import { parseArgs } from "node:util";
import closeWithGrace from "close-with-grace";
import { configureSidecar, type Parts } from "./configure.ts";
import { type Health, serveHealth } from "./health.ts";
import type { Environment } from "./member.ts";
import { usage } from "./usage.ts";

/** Beyond the grace time of what runs: for the last commit, and for the log to leave. */
const LEAVE_MS = 10_000;
/** An empty variable counts as unset. An application that restarts answers nobody for a while: hence the attempts. */
const DEFAULTS: Environment = { SHARDCAST_GRACE_MS: "10000", SHARDCAST_MAX_ATTEMPTS: "20" };

const code = await run();
if (code !== undefined) process.exit(code);

/** The exit code, or undefined while a signal is about to end the process. */
async function run(): Promise<number | undefined> {
  try {
    const { values } = parseArgs({ options: { help: { type: "boolean", short: "h" } } });
    if (values.help) {
      process.stdout.write(usage());
      return 0;
    }
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n\n${usage()}`);
    return 2;
  }
  const set = Object.entries(process.env).filter(([, value]) => value !== undefined && value !== "");
  const env: Environment = { ...DEFAULTS, ...Object.fromEntries(set) };
  let parts: Parts;
  try {
    parts = configureSidecar(env);
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    return 1;
  }
  return serve(parts, Number(env.SHARDCAST_GRACE_MS));
}

async function serve({ logger, log, sidecar, healthPort }: Parts, graceMs: number) {
  let health: Health | undefined;
  let closing = false;

  async function close(): Promise<void> {
    closing = true;
    await sidecar.stop();
    await log.close();
    await health?.close();
  }

  const grace = closeWithGrace({ delay: graceMs + LEAVE_MS, logger }, async ({ err, signal }) => {
    if (err) logger.fatal({ err }, "closing after an unexpected fault");
    else logger.info({ signal }, "closing");
    await close();
  });

  try {
    if (healthPort !== undefined) health = await serveHealth(() => sidecar.phase, healthPort);
    if (health !== undefined) logger.info({ port: health.port }, "health is served");
    await sidecar.start();
    // By a signal, which then also ends the process; or a newer process is this member, which the exit code tells.
    const end = await sidecar.ended;
    if (end.reason === "stopped") return undefined;
    logger.fatal("fenced: a newer process is this member");
  } catch (error) {
    if (closing) return undefined;
    logger.fatal({ err: error }, "can not serve");
  }
  grace.uninstall();
  await close();
  return 1;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
