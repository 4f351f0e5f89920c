import { isHandlerName, ShardcastError } from "@shardcast/protocol/errors";
import { seconds, ttlOf } from "../durations.ts";
import type { BroadcastOptions, BroadcastQuery } from "./api.ts";

const MODES: ReadonlySet<unknown> = new Set(["all", "quorum", "none"]);
const STATES: ReadonlySet<unknown> = new Set(["open", "ended"]);
const MAX_COUNT = 10_000;
const MAX_LIMIT = 500;

/** The query of what is sent, or sent again. Throws SHARDCAST_INVALID_REQUEST that names the option, as all of these do. */
export function sendQuery(options: Pick<BroadcastOptions, "ack" | "ttlMs" | "handler">): string {
  const { ack, handler = "" } = options;
  assertHandler(handler);
  const ttlMs = ttlOf(options);
  const parameters: [string, string][] = [];
  if (ack !== undefined) parameters.push(["ack", ackText(ack)]);
  if (ttlMs !== undefined) parameters.push(["ttl", seconds(ttlMs)]);
  if (handler !== "") parameters.push(["handler", handler]);
  return queryOf(parameters);
}

export function listQuery({ state, handler, limit, after }: BroadcastQuery): string {
  if (state !== undefined && !STATES.has(state)) throw invalid(`state: open or ended, got ${String(state)}`);
  if (limit !== undefined && !isWhole(limit, MAX_LIMIT)) {
    throw invalid(`limit: 1 to ${MAX_LIMIT}, got ${String(limit)}`);
  }
  if (after !== undefined && typeof after !== "string") throw invalid("after: `next` of the page before");
  const parameters: [string, string][] = [];
  if (state !== undefined) parameters.push(["state", state]);
  if (handler !== undefined) {
    assertHandler(handler);
    parameters.push(["handler", handler]);
  }
  if (limit !== undefined) parameters.push(["limit", String(limit)]);
  if (after !== undefined) parameters.push(["after", after]);
  return queryOf(parameters);
}

export function assertAfter(after: number | undefined): void {
  if (after === undefined || (Number.isSafeInteger(after) && after >= 0)) return;
  throw invalid(`after: a whole number from 0 on, got ${String(after)}`);
}

function queryOf(parameters: readonly (readonly [string, string])[]): string {
  const text = parameters.map(([name, value]) => `${name}=${encodeURIComponent(value.toWellFormed())}`);
  return text.length === 0 ? "" : `?${text.join("&")}`;
}

function ackText(ack: NonNullable<BroadcastOptions["ack"]>): string {
  if (typeof ack === "number" ? isWhole(ack, MAX_COUNT) : MODES.has(ack)) return String(ack);
  throw invalid(`ack: all, quorum, none, or 1 to ${MAX_COUNT}, got ${String(ack)}`);
}

function assertHandler(handler: string): void {
  if (!isHandlerName(handler)) throw invalid("handler: too long, or with control characters");
}

function isWhole(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= max;
}

function invalid(detail: string): ShardcastError {
  return new ShardcastError("SHARDCAST_INVALID_REQUEST", detail);
}
