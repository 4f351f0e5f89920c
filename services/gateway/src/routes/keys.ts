import type { IdempotencyOptions, Reply, SendOptions, Submitted } from "@shardcast/client";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { admission } from "../admission.ts";
import { isKept, sayKept, sendAccepted, sendReply } from "../answers.ts";
import type { Backend } from "../backend.ts";
import { assertCallbackUrl } from "../callbacks/callback-url.ts";
import type { CallbackSettings } from "../callbacks/options.ts";
import { type DelayLimits, notBeforeOf } from "../delay.ts";
import { type DeliveryLimits, deliveryOf } from "../delivery.ts";
import { idempotencyKeyOf } from "../idempotency-key.ts";
import { cancelsOnDisconnect } from "../on-disconnect.ts";
import type { Visit, Visits } from "../visits.ts";

interface KeyRoute {
  Params: { readonly service: string; readonly key: string; readonly "*"?: string };
}

export interface KeyRouteOptions {
  readonly backend: Backend;
  readonly visits: Visits;
  readonly limits: DeliveryLimits & DelayLimits;
  readonly forwardHeaders: readonly string[];
  readonly callbacks: Pick<CallbackSettings, "callbackHosts" | "callbackAllowPrivate">;
  /** How long results are kept. */
  readonly resultRetentionMs: number;
  readonly logger: Logger;
}

/** What of a request does not depend on how its answer is wanted. */
type Asked = SendOptions & IdempotencyOptions & { readonly signal: AbortSignal };

// W3C Trace Context, version 00; what does not look like it is not passed on, as the standard wants.
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
const NO_HEADERS = Object.freeze({});

/** `POST /v1/{service}/keys/{key}[/{handler…}]`: a keyed request, answered with the worker's reply, or with where it will be. */
export function addKeyRoutes(app: FastifyInstance, options: KeyRouteOptions): void {
  const { backend, visits, limits, forwardHeaders, callbacks, logger } = options;
  const { client } = backend;
  const admit = admission({ backend, visits });
  const keptForSeconds = Math.floor(options.resultRetentionMs / 1_000);

  /** Publishes. Not async: a frame that waits would keep the body in memory all the while (C7). */
  function handle(request: FastifyRequest<KeyRoute>, reply: FastifyReply): Promise<void> {
    const { service, key, "*": handler = "" } = request.params;
    const visit = request.visit as Visit;
    const { headers } = request;
    const delivery = deliveryOf(headers, limits);
    const idempotencyKey = idempotencyKeyOf(headers);
    const notBeforeMs = notBeforeOf(headers, delivery, limits);
    const asked: Mutable<Asked> = {
      handler,
      signal: visit.signal,
      cancelOnAbort: cancelsOnDisconnect(headers),
      headers: forwardHeaders.length === 0 ? NO_HEADERS : pick(headers, forwardHeaders),
    };
    if (idempotencyKey !== undefined) asked.idempotencyKey = idempotencyKey;
    if (notBeforeMs !== undefined) asked.notBeforeMs = notBeforeMs;
    const callbackUrl = headers["callback-url"];
    if (callbackUrl !== undefined) asked.callbackUrl = assertCallbackUrl(String(callbackUrl), callbacks).href;
    if (request.bodyType !== undefined) asked.contentType = request.bodyType;
    const { traceparent } = headers;
    if (typeof traceparent === "string" && TRACEPARENT.test(traceparent)) asked.traceparent = traceparent;
    const body = request.body as Buffer | undefined;
    // Held by the log while it is sent, by nobody while its reply is awaited.
    request.body = undefined;
    if (delivery.kind === "wait") {
      const { timeoutMs } = delivery;
      // Over a limit the caller is told so (C7), and tries again by himself.
      const awaited = client.request(service, key, body, { ...asked, timeoutMs, retry: false });
      return answer(reply, visit, awaited, idempotencyKey !== undefined || callbackUrl !== undefined);
    }
    const { kind, applied, ...times } = delivery;
    const submitted = client.submit(service, key, body, { ...asked, ...times });
    return accept(reply, visit, submitted, { service, applied });
  }

  async function answer(
    reply: FastifyReply,
    visit: Visit,
    awaited: Promise<Reply>,
    recorded: boolean,
  ): Promise<void> {
    try {
      const answered = await awaited;
      if (recorded) sayKept(reply, keptForSeconds);
      visit.hold(answered.body.byteLength);
      sendReply(reply, answered, logger);
    } catch (error) {
      fail(reply, visit, error, recorded);
    }
  }

  async function accept(
    reply: FastifyReply,
    visit: Visit,
    awaited: Promise<Submitted>,
    { service, applied }: { readonly service: string; readonly applied: string },
  ): Promise<void> {
    try {
      const submitted = await awaited;
      if (submitted.reply !== undefined)
        return await answer(reply, visit, Promise.resolve(submitted.reply), true);
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

  app.post<KeyRoute>("/v1/:service/keys/:key", { onRequest: admit }, handle);
  app.post<KeyRoute>("/v1/:service/keys/:key/*", { onRequest: admit }, handle);
}

function pick(headers: FastifyRequest["headers"], names: readonly string[]): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const name of names) {
    const value = headers[name];
    if (value !== undefined) picked[name] = typeof value === "string" ? value : value.join(", ");
  }
  return picked;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
