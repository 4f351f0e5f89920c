import type { BroadcastStatusJson } from "@shardcast/protocol";
import { check } from "./check.ts";
import { SERVICE } from "./replica.ts";

/** What every replica is told, as it is sent and as it is shown. */
export interface Notice {
  readonly handler: string;
  readonly body: object;
}

const PATIENCE_MS = 20_000;
const WAIT_SECONDS = 10;

/** Tells every replica, over real HTTP: accepted, whoever is down. */
export async function notify(base: string, notice: Notice): Promise<BroadcastStatusJson> {
  const response = await fetch(urlOf(base, notice), {
    method: "POST",
    body: JSON.stringify(notice.body),
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  check(response.status === 202, `the broadcast is accepted with 202, not ${response.status}`);
  return (await response.json()) as BroadcastStatusJson;
}

/** The same for a terminal. */
export function curlNotice(base: string, notice: Notice): string {
  return `curl -d '${JSON.stringify(notice.body)}' '${urlOf(base, notice)}'`;
}

export function statusUrl(base: string, id: string): string {
  return `${base}/v1/${SERVICE}/broadcasts/${id}`;
}

/** Follows what becomes of it until the condition holds; what it was then. */
export async function statusWhen(
  base: string,
  id: string,
  holds: (status: BroadcastStatusJson) => boolean,
): Promise<BroadcastStatusJson> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const events = await fetch(`${statusUrl(base, id)}/events`, { signal });
  check(events.body !== null, "the gateway tells what becomes of the broadcast, as it happens");
  // Each event is a reason to look; what has happened before the first one is in the first.
  for await (const _ of events.body) {
    const status = await statusOf(base, id);
    if (holds(status)) return status;
  }
  return statusOf(base, id);
}

/** As it stands with its verdict. */
export async function verdictOf(base: string, id: string): Promise<BroadcastStatusJson> {
  return statusOf(base, id, `?wait=${WAIT_SECONDS}`);
}

async function statusOf(base: string, id: string, query = ""): Promise<BroadcastStatusJson> {
  const response = await fetch(`${statusUrl(base, id)}${query}`, {
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  check(response.status === 200, `the status of the broadcast is answered with 200, not ${response.status}`);
  return (await response.json()) as BroadcastStatusJson;
}

/** A table of who has done it, and what each replied, as `shown` puts it. */
export function byMember({ members }: BroadcastStatusJson, shown: (body: string) => string): string[][] {
  const rows = members.map((outcome) => {
    const { member, state } = outcome;
    if (outcome.state !== "acked") return [member, state, "", ""];
    const { attempt, reply } = outcome;
    return [member, state, String(attempt), shown("body" in reply ? reply.body : "")];
  });
  return [["replica", "state", "attempt", "it now has"], ...rows];
}

function urlOf(base: string, { handler }: Notice): string {
  return `${base}/v1/${SERVICE}/broadcasts?handler=${encodeURIComponent(handler)}`;
}
