import type { Log } from "@shardcast/log";
import { encodeRequest, type RequestEnvelope } from "@shardcast/protocol";
import type { Results } from "@shardcast/results";
import type { Logger } from "pino";
import { closedError } from "./closed-error.ts";
import type { Composed } from "./compose.ts";
import type { Reply, Submitted } from "./options.ts";
import { abortedError, type Lane, type Pending } from "./pending.ts";
import { answerOf, Recollection } from "./recollection.ts";
import type { Recorded } from "./recorded.ts";
import { withRequestId } from "./request-id.ts";
import { retried } from "./retry.ts";
import type { Route } from "./routes.ts";
import type { Submissions } from "./submissions.ts";

export interface PublisherParts {
  readonly log: Log;
  readonly pending: Pending;
  readonly submissions: Submissions;
  readonly recorded: Recorded;
  /** The results of a service, where they are open. */
  readonly results: (service: string) => Results | undefined;
  /** Fires when the client closes. */
  readonly closing: AbortSignal;
  readonly logger: Logger | undefined;
}

/** A request that is ready, and how its caller waits for it. */
export interface Publication extends Composed {
  readonly route: Route;
  readonly signal: AbortSignal | undefined;
  readonly cancelOnAbort: boolean;
}

/** A wait that has begun. */
interface Begun<T> {
  readonly answer: Promise<T>;
  /** Fires when it is over. */
  readonly over: AbortSignal;
}

/**
 * Puts requests on the log and waits for what comes of them. What returns an answer is not async where it would hold the
 * body: a frame that waits would keep it in memory all the while (C7).
 */
export class Publisher {
  readonly #parts: PublisherParts;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
  }

  /** Async, so that whatever goes wrong is a rejection. */
  async append({ topics }: Route, lane: Lane, request: RequestEnvelope): Promise<unknown> {
    return this.#parts.log.append({
      topic: topics.requests.name,
      partition: lane.number,
      ...encodeRequest(request),
    });
  }

  /** Publishes once, and waits. */
  request(publication: Publication, timeoutMs: number): Promise<Reply> {
    const { route, lane, request } = publication;
    const recollection = this.#recollect(publication);
    const end = recollection?.end;
    if (end !== undefined) return Promise.resolve(answerOf(end));
    const { pending } = this.#parts;
    const { key } = request;
    const name = nameOf(request);
    // C4: the entry exists before the request is published, so no reply can come too early.
    const { answer } = this.#begin(publication, recollection, (ending) =>
      pending.wait(name, { ...ending, key, timeoutMs }),
    );
    // The reply may overtake the log's confirmation, and the caller's time may run out before either.
    this.append(route, lane, request).catch((error: unknown) => pending.fail(name, error));
    return answer;
  }

  /**
   * The same, again and again until it is accepted or the time is over. Holds the body as long, and returns the answer
   * instead of awaiting it.
   */
  async requestRetrying(publication: Publication, untilMs: number): Promise<Reply> {
    const { route, lane, request, signal } = publication;
    const recollection = this.#recollect(publication);
    const end = recollection?.end;
    if (end !== undefined) return answerOf(end);
    const { pending, closing } = this.#parts;
    const { key } = request;
    const name = nameOf(request);
    const begin = () =>
      this.#begin(publication, recollection, (ending) =>
        pending.wait(name, { ...ending, key, timeoutMs: Math.max(1, untilMs - Date.now()) }),
      );
    const ends = AbortSignal.any(signal === undefined ? [closing] : [closing, signal]);
    const { answer, over } = await retried(begin, { untilMs, signal: ends }).catch((error: unknown) => {
      if (closing.aborted) throw withRequestId(closedError(), request.id);
      throw signal?.aborted ? abortedError(signal, request.id) : error;
    });
    retried(() => this.append(route, lane, request), { untilMs, signal: over }).catch((error: unknown) =>
      pending.fail(name, error),
    );
    return answer;
  }

  /** Publishes for who asks later. */
  async submit(publication: Publication): Promise<Submitted> {
    const { route, lane, request, signal, cancelOnAbort } = publication;
    const { id } = request;
    if (signal?.aborted) throw abortedError(signal, id);
    if (this.#recollect(publication)?.end !== undefined) return { id };
    const letGo = this.#hold(publication);
    await this.append(route, lane, request).catch((error: unknown) => {
      letGo();
      throw withRequestId(error, id);
    });
    if (!cancelOnAbort || !signal?.aborted) return { id };
    this.#cancel(route, lane, id);
    throw abortedError(signal, id);
  }

  /** The same for who waits a while. */
  submitAndWait(publication: Publication, waitMs: number): Promise<Submitted> {
    const { route, lane, request } = publication;
    const { id } = request;
    const recollection = this.#recollect(publication);
    const end = recollection?.end;
    if (end !== undefined) return Promise.resolve({ id, reply: answerOf(end) });
    const { pending } = this.#parts;
    const name = nameOf(request);
    const letGo = this.#hold(publication);
    let answer: Promise<Reply | undefined>;
    try {
      ({ answer } = this.#begin(publication, recollection, (ending) =>
        pending.waitAWhile(name, { ...ending, timeoutMs: waitMs }),
      ));
    } catch (error) {
      letGo();
      throw error;
    }
    const accepted = this.append(route, lane, request);
    accepted.catch((error: unknown) => {
      letGo();
      pending.fail(name, error);
    });
    return submitted(id, answer, accepted);
  }

  /** Counts a submitted request for its key until it has ended (C7). */
  #hold({ route, request, lane }: Publication): () => void {
    return this.#parts.submissions.hold(request, lane, this.#parts.results(route.service));
  }

  /** Nothing to recollect of a request that is not recorded, or while nobody follows the results here. */
  #recollect({ route, request }: Publication): Recollection | undefined {
    if (request.recording === undefined) return undefined;
    const results = this.#parts.results(route.service);
    return results === undefined ? undefined : new Recollection(results, request);
  }

  /** Begins to wait: for the reply, or for the record, should its owner die in between. */
  #begin<T>(
    publication: Publication,
    recollection: Recollection | undefined,
    wait: (ending: EndingOptions) => Promise<T>,
  ): Begun<T> {
    const { route, request, lane, signal, cancelOnAbort } = publication;
    const { id, recording } = request;
    if (recording === undefined && !cancelOnAbort) {
      return { answer: wait({ id, lane, signal }), over: this.#parts.closing };
    }
    const over = new AbortController();
    let unwatch = () => {};
    // None of these names the publication, which holds the body (C7).
    const answer = wait({
      id,
      lane,
      signal,
      onEnd: () => {
        unwatch();
        over.abort();
      },
      onAborted: cancelOnAbort ? () => this.#cancel(route, lane, id) : undefined,
    });
    const name = nameOf(request);
    unwatch = recollection?.watch((end) => this.#parts.pending.settleBy(name, end)) ?? unwatch;
    return { answer, over: over.signal };
  }

  /** Nobody waits for it to be on the log; it comes behind the request, whose append was called before. */
  #cancel(route: Route, lane: Lane, id: string): void {
    const { recorded, logger } = this.#parts;
    recorded.appendCancel(route, lane.number, id).catch((error: unknown) => {
      logger?.warn({ err: error, id }, "an aborted request could not be cancelled");
    });
  }
}

type EndingOptions = Omit<Parameters<Pending["wait"]>[1], "timeoutMs">;

/** What its reply is found by. */
function nameOf({ id, replyTo }: RequestEnvelope): string {
  return replyTo?.correlation ?? id;
}

async function submitted(
  id: string,
  answer: Promise<Reply | undefined>,
  accepted: Promise<unknown>,
): Promise<Submitted> {
  const reply = await answer;
  if (reply !== undefined) return { id, reply };
  // C3: who is told the id relies on it.
  await accepted.catch((error: unknown) => {
    throw withRequestId(error, id);
  });
  return { id };
}
