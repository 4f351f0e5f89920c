import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "@shardcast/log";
import type { FastifyInstance } from "fastify";
import type { Backend } from "./backend.ts";
import type { Visits } from "./visits.ts";

/** After the grace time: how long the last answers may take to leave. */
const FLUSH_MS = 500;

export interface ShutdownParts {
  readonly app: FastifyInstance;
  readonly backend: Backend;
  readonly visits: Visits;
  readonly log: Log;
  readonly graceMs: number;
}

/**
 * Closes in order: takes nothing new, leaves the planning to others, finishes what was accepted within the grace time, ends the rest with
 * SHARDCAST_CLOSED, cuts the connections that are left, and only then lets go of the log.
 */
export async function shutDown({ app, backend, visits, log, graceMs }: ShutdownParts): Promise<void> {
  backend.beginClosing();
  visits.lastOnTheirConnections();
  // Before all that takes time: while nobody plans, no lane of a lost member finds a new owner.
  await backend.endPlanning();
  const over = new AbortController();
  const forced = force({ app, backend, graceMs, signal: over.signal });
  try {
    await app.close(); // resolves when the last connection is gone
  } finally {
    over.abort();
    await forced;
    await backend.endRequests();
    await log.close();
  }
}

async function force({
  app,
  backend,
  graceMs,
  signal,
}: Pick<ShutdownParts, "app" | "backend" | "graceMs"> & { signal: AbortSignal }): Promise<void> {
  try {
    await delay(graceMs, undefined, { signal });
    await backend.endRequests();
    await delay(FLUSH_MS, undefined, { signal });
    app.server.closeAllConnections();
  } catch (error) {
    // Not needed any more: everything had ended by itself.
    if (!signal.aborted) throw error;
  }
}
