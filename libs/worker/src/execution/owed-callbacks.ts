import type { AppendRecord, Log } from "@shardcast/log";
import {
  CALLBACK_LANES,
  callbackTopicsOf,
  encodeCallback,
  isShardcastError,
  type RequestEnvelope,
  type ResultEnd,
} from "@shardcast/protocol";
import { murmur2Lane } from "@shardcast/routing";
import type { Logger } from "pino";
import { retry } from "./retry.ts";

export interface OwedCallbacksOptions {
  readonly log: Log;
  readonly service: string;
  readonly topicPrefix: string;
  readonly logger: Logger;
}

const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 2_000;

/** Makes the callbacks that requests have asked for; gateways carry them out (decision 016). */
export class OwedCallbacks {
  readonly #options: OwedCallbacksOptions;
  #isPrepared = false;

  constructor(options: OwedCallbacksOptions) {
    this.#options = options;
  }

  /**
   * The callback that a request is owed for its end, undefined where it has asked for none. Rejects with the signal's reason
   * when that fires before the log has a place for it.
   */
  async of(
    request: RequestEnvelope,
    result: ResultEnd,
    signal: AbortSignal,
  ): Promise<AppendRecord | undefined> {
    const { callbackUrl, key, id } = request;
    if (callbackUrl === undefined) return undefined;
    const { topicPrefix, logger } = this.#options;
    try {
      await this.#prepared(signal);
      const lane = murmur2Lane(key, CALLBACK_LANES);
      return encodeCallback({ ...request, callbackUrl }, result, lane, topicPrefix);
    } catch (error) {
      if (signal.aborted) throw error;
      // A stranger's wish that can not be met must not hold up the lane; gateways see to the topics of those they let in.
      logger.error({ err: error, requestId: id, callbackUrl }, "can not be called back");
      return undefined;
    }
  }

  /** A commit fails where a topic is missing, and with it the lane. */
  async #prepared(signal: AbortSignal): Promise<void> {
    if (this.#isPrepared) return;
    const { log, service, topicPrefix } = this.#options;
    const topics = callbackTopicsOf(service, topicPrefix);
    const ensure = async () => {
      if ((await log.partitionsOf(topics.requests.name)) !== undefined) return;
      await log.ensureTopics(Object.values(topics));
    };
    await retry(ensure, {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: RETRY_MIN_MS,
      maxTimeout: RETRY_MAX_MS,
      randomize: true,
      signal,
      shouldRetry: ({ error }) =>
        isShardcastError(error) && error.retryable && error.code !== "SHARDCAST_CLOSED",
    });
    this.#isPrepared = true;
  }
}
