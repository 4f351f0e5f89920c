import { fromProblem, ShardcastError } from "@shardcast/protocol";
import type { World } from "./world.ts";

/** A letter as the gateway lists it. */
export interface Letter {
  readonly id?: string;
  readonly lane: number;
  readonly offset: number;
  readonly key: string | null;
  readonly keyBase64?: string;
  readonly handler: string;
  readonly code: string;
  readonly reason: string;
  readonly attempts: number;
  readonly at: string | null;
  readonly settled: boolean;
}

export interface LetterPage {
  readonly letters: readonly Letter[];
  readonly cursor?: string;
}

export interface RedriveReport {
  readonly dryRun: boolean;
  readonly matched: number;
  readonly redriven: number;
  readonly skipped: Readonly<Record<string, number>>;
  readonly settledBefore: number;
  readonly cursor?: string;
}

type Network = Pick<World, "fetch" | "signal">;

/** What http-client has no method for. @throws {ShardcastError} as the gateway says, SHARDCAST_LOG_UNAVAILABLE, SHARDCAST_LOG_REFUSED */
export async function listLetters(
  network: Network,
  gateway: string,
  service: string,
  query: Readonly<Record<string, string | number | boolean>>,
): Promise<LetterPage> {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) params.set(name, String(value));
  return (await call(network, `${pathOf(gateway, service)}?${params}`, {}, "letters")) as LetterPage;
}

/** As {@link listLetters}. */
export async function redriveLetters(
  network: Network,
  gateway: string,
  service: string,
  selection: object,
): Promise<RedriveReport> {
  const headers = { "content-type": "application/json" };
  const init = { method: "POST", headers, body: JSON.stringify(selection) };
  return (await call(network, `${pathOf(gateway, service)}/redrive`, init, "redriven")) as RedriveReport;
}

function pathOf(gateway: string, service: string): string {
  return `${gateway.replace(/\/+$/, "")}/v1/${encodeURIComponent(service)}/dead-letters`;
}

async function call(
  { fetch, signal }: Network,
  url: string,
  init: RequestInit,
  member: string,
): Promise<unknown> {
  let response: Response;
  let body: Uint8Array;
  try {
    response = await fetch(url, { ...init, signal, redirect: "manual" });
    body = new Uint8Array(await response.arrayBuffer());
  } catch (cause) {
    const detail = "the gateway could not be reached, or the connection was lost";
    throw new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", detail, { cause });
  }
  const problem = response.ok ? undefined : fromProblem(body);
  if (problem !== undefined) throw problem;
  const said = parsed(body);
  if (response.ok && typeof said === "object" && said !== null && member in said) return said;
  const { status } = response;
  // Of a proxy that does not reach the gateway; of a page where no gateway is.
  const code = status >= 500 || status === 429 ? "SHARDCAST_LOG_UNAVAILABLE" : "SHARDCAST_LOG_REFUSED";
  throw new ShardcastError(code, `not an answer of a gateway: status ${status}`);
}

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}
