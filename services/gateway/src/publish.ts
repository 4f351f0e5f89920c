import type { IdempotencyOptions, Reply, SendOptions, Submitted } from "@shardcast/client";
import {
  cancelsOnDisconnect,
  type DeliveryLimits,
  deliveryOf,
  idempotencyKeyOf,
  traceparentOf,
  travellingHeaders,
} from "@shardcast/http-words";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { isKept, sayKept, sendAccepted, sendReply } from "./answers.ts";
import type { Backend } from "./backend.ts";
import { assertCallbackUrl } from "./callbacks/callback-url.ts";
import type { CallbackSettings } from "./callbacks/options.ts";
import { idempotencyKeyOfEvent } from "./cloud-events/idempotency-key.ts";
import { asEvent, type ReplyEvent, replyEventOf } from "./cloud-events/reply-event.ts";
import type { Contracts } from "./contracts/contracts.ts";
import { type DelayLimits, notBeforeOf } from "./delay.ts";
import type { Posted } from "./posted.ts";
import type { Visit } from "./visits.ts";

export interface PublishOptions {
  readonly backend: Backend;
  readonly limits: DeliveryLimits & DelayLimits;
  readonly forwardHeaders: readonly string[];
  readonly callbacks: Pick<CallbackSettings, "callbackHosts" | "callbackAllowPrivate">;
  /** How long results are kept. */
  readonly resultRetentionMs: number;
  readonly contracts: Contracts;
  readonly logger: Logger;
}

/** Whom a request is for. */
export interface Target {
  readonly service: string;
  readonly key: string;
  readonly handler: string;
}

/** Puts what was posted on the log and answers it. */
export type Publish = (
  request: FastifyRequest,
  reply: FastifyReply,
  posted: Posted,
  target: Target,
) => Promise<void>;

/** What of a request does not depend on how its answer is wanted. */
type Asked = SendOptions & IdempotencyOptions & { readonly signal: AbortSignal };

/** How an answer is to be told. */
interface Telling {
  /** Its outcome can be asked for. */
  readonly recorded: boolean;
  readonly asEvent: ReplyEvent | undefined;
}

export function publisher(options: PublishOptions): Publish {
  const { backend, limits, forwardHeaders, callbacks, contracts, logger } = options;
  const { client } = backend;
  const keptForSeconds = Math.floor(options.resultRetentionMs / 1_000);

  /** Not async: a frame that waits would keep the body in memory all the while (C7). */
  function publish(
    request: FastifyRequest,
    reply: FastifyReply,
    posted: Posted,
    target: Target,
  ): Promise<void> {
    const { service, key, handler } = target;
    const { event, body, contentType } = posted;
    const { headers } = request;
    const visit = request.visit as Visit;
    const delivery = deliveryOf(headers, limits);
    const idempotencyKey = idempotencyKeyOf(headers) ?? (event && idempotencyKeyOfEvent(event));
    const notBeforeMs = notBeforeOf(headers, delivery, limits);
    const asked: Mutable<Asked> = {
      handler,
      signal: visit.signal,
      cancelOnAbort: cancelsOnDisconnect(headers),
      headers: travellingHeaders(headers, forwardHeaders, event?.headers),
    };
    if (idempotencyKey !== undefined) asked.idempotencyKey = idempotencyKey;
    if (notBeforeMs !== undefined) asked.notBeforeMs = notBeforeMs;
    const callbackUrl = headers["callback-url"];
    if (callbackUrl !== undefined) asked.callbackUrl = assertCallbackUrl(String(callbackUrl), callbacks).href;
    if (contentType !== undefined) asked.contentType = contentType;
    const traceparent = traceparentOf(headers);
    if (traceparent !== undefined) asked.traceparent = traceparent;
    const recorded = idempotencyKey !== undefined || callbackUrl !== undefined;
    const wanted = replyEventOf(service, event, headers);

    // The body is held by the log while it is sent, by nobody while its reply is awaited.
    function send(): Promise<void> {
      if (delivery.kind === "wait") {
        const { timeoutMs } = delivery;
        // Over a limit the caller is told so (C7), and tries again by himself.
        const awaited = client.request(service, key, body, { ...asked, timeoutMs, retry: false });
        return answer(reply, visit, awaited, { recorded, asEvent: wanted });
      }
      const { kind, applied, ...times } = delivery;
      const submitted = client.submit(service, key, body, { ...asked, ...times });
      return accept(reply, visit, submitted, { service, applied, asEvent: wanted });
    }

    const checked = contracts.check(target, body);
    return checked === undefined ? send() : checked.then(send);
  }

  async function answer(
    reply: FastifyReply,
    visit: Visit,
    awaited: Promise<Reply>,
    telling: Telling,
  ): Promise<void> {
    try {
      const answered = await awaited;
      if (telling.recorded) sayKept(reply, keptForSeconds);
      visit.hold(answered.body.byteLength);
      sendReply(reply, telling.asEvent ? asEvent(answered, telling.asEvent) : answered, logger);
    } catch (error) {
      fail(reply, visit, error, telling.recorded);
    }
  }

  async function accept(
    reply: FastifyReply,
    visit: Visit,
    awaited: Promise<Submitted>,
    { service, applied, asEvent }: { service: string; applied: string; asEvent: ReplyEvent | undefined },
  ): Promise<void> {
    try {
      const submitted = await awaited;
      if (submitted.reply !== undefined) {
        return await answer(reply, visit, Promise.resolve(submitted.reply), { recorded: true, asEvent });
      }
      visit.hold(0);
      sendAccepted(reply, { service, id: submitted.id, keptForSeconds, applied });
    } catch (error) {
      fail(reply, visit, error, true);
    }
  }

  function fail(reply: FastifyReply, visit: Visit, error: unknown, recorded: boolean): void {
    // Nobody is there to be answered.
    if (visit.signal.aborted) {
      reply.hijack();
      return;
    }
    if (recorded && isKept(error)) sayKept(reply, keptForSeconds);
    throw error;
  }

  return publish;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
