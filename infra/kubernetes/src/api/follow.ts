import { createInterface } from "node:readline";
import { pause } from "../pause.ts";
import type { Api } from "./api.ts";
import type { Gate } from "./gate.ts";
import type { ApiObject } from "./objects.ts";

/** After this a watch ends and all is listed again, so that nothing that a watch may miss is missed for longer. */
const WATCH_SECONDS = 10;
const SILENCE_LIMIT_MS = (WATCH_SECONDS + 3) * 1_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

export interface Followed<T> {
  readonly api: Api;
  /** Of the list, e.g. `/api/v1/pods`. */
  readonly path: string;
  /** e.g. `fieldSelector=spec.nodeName%3Dnode-1` */
  readonly selector?: string;
  readonly signal: AbortSignal;
  /** Nothing is told while it is closed. */
  readonly gate?: Gate;
  /** All there are. What is not among them is gone. */
  listed(objects: readonly T[]): void;
  changed(object: T): void;
  removed(object: T): void;
}

interface List<T> {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly T[];
}

type Change<T> = {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: T;
};

/** Tells what is there and what becomes of it until the signal fires, through every outage of the API server. Never rejects for one. */
export async function follow<T extends ApiObject>(followed: Followed<T>): Promise<void> {
  const { signal } = followed;
  let waitMs = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    try {
      await listAndWatch(followed);
      waitMs = FIRST_PAUSE_MS;
    } catch {
      // Whatever it is: the next list tells how things are.
      await pause(waitMs, signal);
      waitMs = Math.min(waitMs * 2, LONGEST_PAUSE_MS);
    }
  }
}

async function listAndWatch<T extends ApiObject>(followed: Followed<T>): Promise<void> {
  const { api, path, selector = "", signal, gate } = followed;
  const list = await api.ask<List<T>>(`${path}?${selector}`, { signal });
  await gate?.passed();
  if (signal.aborted) return;
  followed.listed(list.items);
  const query = `watch=1&timeoutSeconds=${WATCH_SECONDS}&resourceVersion=${list.metadata.resourceVersion}`;
  // A server that died without a word would be waited for for ever.
  const limit = AbortSignal.any([signal, AbortSignal.timeout(SILENCE_LIMIT_MS)]);
  const body = await api.stream(`${path}?${selector}&${query}`, limit);
  for await (const line of createInterface({ input: body })) {
    const { type, object } = JSON.parse(line) as Change<T>;
    await gate?.passed();
    if (signal.aborted) return;
    if (type === "ERROR") return;
    if (type === "DELETED") followed.removed(object);
    else if (type !== "BOOKMARK") followed.changed(object);
  }
}
