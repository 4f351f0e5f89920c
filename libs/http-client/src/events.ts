import { fromProblem } from "@shardcast/protocol/errors";
import type { EventSourceMessage } from "eventsource-parser";
import { type Failed, isPassing, refused } from "./attempt.ts";
import { messagesOf } from "./messages.ts";
import type { Backoff } from "./retry.ts";
import { pause, type Scope } from "./scopes.ts";
import { type RequestStatus, statusOf } from "./status.ts";
import { answerOf, type Transport } from "./transport.ts";

export interface EventParts {
  readonly id: string;
  /** Of its events. */
  readonly path: string;
  readonly transport: Transport;
  readonly scope: Scope;
  readonly backoff: Backoff;
  /** Asks how it ended, once it has. */
  readonly end: () => Promise<RequestStatus>;
}

/** What a stream came to. */
type Streamed = { readonly kind: "broken" } | { readonly kind: "ended" } | Failed;

/** What comes of one request, told by as many streams as it takes. */
export class StatusEvents {
  readonly #parts: EventParts;
  /** Of the last event: a gateway goes on behind it, also if it is another one. */
  #lastId: string | undefined;
  #begun = false;

  constructor(parts: EventParts) {
    this.#parts = parts;
  }

  /** To its end, or the scope's. */
  async *read(): AsyncGenerator<RequestStatus, void, undefined> {
    const { scope, backoff, end } = this.#parts;
    while (scope.error === undefined) {
      const streamed = yield* this.#stream();
      if (scope.error !== undefined) return;
      if (streamed.kind === "ended") {
        yield await end();
        return;
      }
      const failed = streamed.kind === "failed" ? streamed : undefined;
      // Who has got nothing yet is told at once that it fails; who has is waiting for the rest.
      if (failed !== undefined && !(this.#begun && isPassing(failed))) throw failed.error;
      await pause(backoff.nextMs(failed?.retryAfterMs), scope);
    }
  }

  async *#stream(): AsyncGenerator<RequestStatus, Streamed, undefined> {
    const { id, path, transport, scope, backoff } = this.#parts;
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
      if (message.event === "done") return { kind: "ended" };
      if (message.event === "problem") return problemIn(message);
      const status = statusOf(id, objectIn(message));
      if (status === undefined) continue;
      this.#lastId = message.id ?? this.#lastId;
      backoff.reset();
      yield status;
    }
    return { kind: "broken" };
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

function objectIn({ data }: EventSourceMessage): Readonly<Record<string, unknown>> {
  try {
    return { ...JSON.parse(data) };
  } catch {
    return {};
  }
}
