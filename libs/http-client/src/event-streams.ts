import { fromProblem } from "@shardcast/protocol/errors";
import type { EventSourceMessage } from "eventsource-parser";
import { type Failed, isPassing, refused } from "./attempt.ts";
import { messagesOf } from "./messages.ts";
import type { Backoff } from "./retry.ts";
import { pause, type Scope } from "./scopes.ts";
import { answerOf, type Transport } from "./transport.ts";

/** What a message says. */
export type Said<T> =
  | { readonly kind: "news"; readonly value: T }
  /** What was known already. */
  | { readonly kind: "seen" }
  /** Nothing comes behind it. */
  | { readonly kind: "ended" }
  /** Nothing that concerns us. */
  | { readonly kind: "nothing" };

export interface EventStreamParts<T> {
  readonly path: string;
  readonly transport: Transport;
  readonly scope: Scope;
  readonly backoff: Backoff;
  /** What was known before: only what is behind this event comes. */
  readonly lastId?: string;
  /** Whether the caller is waiting for the rest of something, and so bears a first call that fails for now. Default false. */
  readonly begun?: boolean;
  readonly read: (message: EventSourceMessage) => Said<T>;
}

/** What a stream came to. */
type Streamed = { readonly kind: "broken" } | { readonly kind: "ended" } | Failed;

/** What comes of one thing, told by as many streams as it takes. */
export class EventStreams<T> {
  readonly #parts: EventStreamParts<T>;
  /** Of the last event: a gateway goes on behind it, also if it is another one. */
  #lastId: string | undefined;
  #begun: boolean;

  constructor(parts: EventStreamParts<T>) {
    this.#parts = parts;
    this.#lastId = parts.lastId;
    this.#begun = parts.begun ?? false;
  }

  /** To its end, or the scope's. */
  async *read(): AsyncGenerator<T, void, undefined> {
    const { scope, backoff } = this.#parts;
    while (scope.error === undefined) {
      const streamed = yield* this.#stream();
      if (streamed.kind === "ended" || scope.error !== undefined) return;
      const failed = streamed.kind === "failed" ? streamed : undefined;
      // Who has got nothing yet is told at once that it fails; who has is waiting for the rest.
      if (failed !== undefined && !(this.#begun && isPassing(failed))) throw failed.error;
      await pause(backoff.nextMs(failed?.retryAfterMs), scope);
    }
  }

  async *#stream(): AsyncGenerator<T, Streamed, undefined> {
    const { path, transport, scope, backoff, read } = this.#parts;
    const headers = new Headers({ accept: "text/event-stream" });
    if (this.#lastId !== undefined) headers.set("last-event-id", this.#lastId);
    const opened = await transport.open({ method: "GET", path, headers }, scope);
    if (opened.kind === "failed") return opened;
    const response = opened.value;
    // There is nothing behind the last event.
    if (response.status === 204) return { kind: "ended" };
    if (!isStream(response)) return refusedBy(response);
    this.#begun = true;
    for await (const message of messagesOf(response, scope)) {
      if (message.event === "problem") return problemIn(message);
      const said = read(message);
      if (said.kind === "ended") return said;
      if (said.kind === "nothing") continue;
      this.#lastId = message.id ?? this.#lastId;
      backoff.reset();
      if (said.kind === "news") yield said.value;
    }
    return { kind: "broken" };
  }
}

/** The object in a message; an empty one when there is none. */
export function objectIn({ data }: EventSourceMessage): Readonly<Record<string, unknown>> {
  try {
    return { ...JSON.parse(data) };
  } catch {
    return {};
  }
}

function isStream({ ok, headers }: Response): boolean {
  return ok && headers.get("content-type")?.startsWith("text/event-stream") === true;
}

async function refusedBy(response: Response): Promise<Streamed> {
  try {
    return refused(await answerOf(response));
  } catch {
    return { kind: "broken" };
  }
}

/** The gateway can not tell any more. */
function problemIn({ data }: EventSourceMessage): Streamed {
  const error = fromProblem(new TextEncoder().encode(data));
  return error === undefined ? { kind: "broken" } : { kind: "failed", error, lost: false };
}
