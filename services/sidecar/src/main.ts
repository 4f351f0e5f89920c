#!/usr/bin/env node
import { parseArgs } from "node:util";
import type { Client } from "@shardcast/client";
import { type HealthServer, serveHealth } from "@shardcast/worker";
import closeWithGrace from "close-with-grace";
import { configureSidecar, connectClient, type Parts } from "./configure.ts";
import { drainedListener } from "./drained.ts";
import { type LocalApi, serveLocalApi } from "./local/api.ts";
import type { Environment } from "./member.ts";
import { usage } from "./usage.ts";

/** Beyond the grace time of what runs: for the last commit, and for the log to leave. */
const LEAVE_MS = 10_000;
const DEFAULTS: Environment = { SHARDCAST_GRACE_MS: "10000" };

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
  // An empty variable counts as unset.
  const set = Object.entries(process.env).filter(([, value]) => value !== undefined && value !== "");
  const env: Environment = { ...DEFAULTS, ...Object.fromEntries(set) };
  let parts: Parts;
  try {
    parts = configureSidecar(env);
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    return 1;
  }
  return serve(parts, env);
}

async function serve(parts: Parts, env: Environment) {
  const { logger, log, sidecar, options } = parts;
  let health: HealthServer | undefined;
  let local: LocalApi | undefined;
  let client: Client | undefined;
  let closing = false;

  async function close(): Promise<void> {
    closing = true;
    // What the application still works on may ask for something, so its way out is closed behind its way in: by the client, which
    // ends what waits.
    await sidecar.stop();
    await client?.close();
    await local?.close();
    await log.close();
    await health?.close();
  }

  const graceMs = Number(env.SHARDCAST_GRACE_MS);
  const grace = closeWithGrace({ delay: graceMs + LEAVE_MS, logger }, async ({ err, signal }) => {
    if (err) logger.fatal({ err }, "closing after an unexpected fault");
    else logger.info({ signal }, "closing");
    await close();
  });

  try {
    const { healthPort, healthHost: host, localPort } = options;
    if (healthPort !== undefined) {
      const otherwise = drainedListener(sidecar);
      health = await serveHealth(() => sidecar.readiness(), { port: healthPort, host, otherwise });
      logger.info({ port: health.port }, "health is served");
    }
    if (localPort !== undefined) {
      client = await connectClient(parts, env);
      local = await serveLocalApi({ ...options, port: localPort, client, sidecar, logger });
      logger.info({ port: local.port }, "local API is served");
    }
    await sidecar.start();
    // By a signal, which then also ends the process; or a newer process is this member, which the exit code tells.
    const end = await sidecar.ended;
    // Who was told to leave by the application stays for what it asks, until it is told to end.
    if (end.reason === "stopped") return undefined;
    logger.fatal("fenced: a newer process is this member");
  } catch (error) {
    if (closing || sidecar.isLeaving) return undefined;
    logger.fatal({ err: error }, "can not serve");
  }
  grace.uninstall();
  await close();
  return 1;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
