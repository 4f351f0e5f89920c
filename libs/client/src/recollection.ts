import { fingerprintOf, type RequestEnvelope, type ResultEnd, ShardcastError } from "@shardcast/protocol";
import type { Results } from "@shardcast/results";
import { toError, toReply } from "./answer.ts";
import type { Reply } from "./options.ts";

/**
 * What the record says of one request that is about to be sent. The rules are those of the lane's owner (decision 012): an
 * end answers every repetition, except `expired`, after which the request runs again.
 */
export class Recollection {
  readonly #results: Results;
  readonly #id: string;
  readonly #fingerprint: string;

  /** Does not keep the request: its body is not to stay in memory (C7). */
  constructor(results: Results, request: RequestEnvelope) {
    this.#results = results;
    this.#id = request.id;
    this.#fingerprint = fingerprintOf(request);
  }

  /**
   * How the same request ended before, so that there is nothing to send.
   *
   * @throws {ShardcastError} SHARDCAST_IDEMPOTENCY_MISMATCH when it was another one (C5)
   */
  get end(): ResultEnd | undefined {
    const known = this.#results.get(this.#id);
    if (known?.kind !== "ended" || known.end === "expired") return undefined;
    if (known.fingerprint === this.#fingerprint) return known;
    throw new ShardcastError(
      "SHARDCAST_IDEMPOTENCY_MISMATCH",
      "another request came first with this idempotency key",
      { extensions: { requestId: this.#id } },
    );
  }

  /** Calls the listener when the record says how this request ended, until the returned function is called. */
  watch(listener: (end: ResultEnd) => void): () => void {
    return this.#results.watch(this.#id, (news) => {
      if (news.kind !== "ended" || news.end === "expired") return;
      if (news.fingerprint === this.#fingerprint) listener(news);
    });
  }
}

/** The recorded answer, as who waited got it; throws it when it is an error. */
export function answerOf(end: ResultEnd): Reply {
  if (end.error !== undefined) throw toError(end, end.error);
  return toReply(end);
}
