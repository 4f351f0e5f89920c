#!/usr/bin/env node
import { parseArgs } from "node:util";
import { type HealthServer, serveHealth } from "@shardcast/worker";
import closeWithGrace from "close-with-grace";
import { configureReplica, type Environment, type Replica } from "./configure.ts";
import { usage } from "./usage.ts";

/** Beyond the grace time of handlers: for the last commit, and for the log to leave. */
const LEAVE_MS = 10_000;
/** Defaults of this service; an empty variable counts as unset. */
const DEFAULTS: Environment = { SHARDCAST_SERVICE: "accounts", SHARDCAST_GRACE_MS: "10000" };

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
  let replica: Replica;
  try {
    replica = configureReplica(env);
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    return 1;
  }
  return serve(replica, Number(env.SHARDCAST_GRACE_MS));
}

async function serve({ logger, log, worker, effects, health: options }: Replica, graceMs: number) {
  let health: HealthServer | undefined;
  let closing = false;

  async function close(): Promise<void> {
    closing = true;
    await worker.stop();
    await log.close();
    await health?.close();
    effects?.close();
  }

  const grace = closeWithGrace({ delay: graceMs + LEAVE_MS, logger }, async ({ err, signal }) => {
    if (err) logger.fatal({ err }, "closing after an unexpected fault");
    else logger.info({ signal }, "closing");
    await close();
  });

  try {
    if (options !== undefined) health = await serveHealth(() => worker.readiness(), options);
    if (health !== undefined) logger.info({ port: health.port }, "health is served");
    await worker.start();
    // By a signal, which then also ends the process; or fenced: a newer process has our identity, so there is nothing
    // left to do here, and the exit code tells who watches that this end was not asked for (C2).
    const end = await worker.ended;
    if (end.reason === "stopped") return undefined;
    logger.fatal("fenced: a newer process of this member has its lanes");
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
