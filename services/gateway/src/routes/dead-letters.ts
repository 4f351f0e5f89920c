import { isUtf8 } from "node:buffer";
import {
  DEFAULT_PAGE,
  type DeadLettersByService,
  type ListedLetter,
  type Selection,
  type SettleReport,
} from "@shardcast/dead-letters";
import { isErrorCode, ShardcastError } from "@shardcast/protocol";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { type AdmissionParts, admission } from "../admission.ts";
import { sendJson } from "../json.ts";
import type { Visit } from "../visits.ts";

interface DeadLetterRoute {
  Params: { readonly service: string };
  Querystring: Readonly<Record<string, string | string[]>>;
}

export interface DeadLetterRouteOptions extends AdmissionParts {
  readonly deadLetters: DeadLettersByService;
}

const ISO = z.iso.datetime({ offset: true }).transform(Date.parse);
const EPOCH_MS = z.number().int().min(0).max(8_640_000_000_000_000);
const digits = z
  .string()
  .regex(/^[0-9]{1,16}$/)
  .transform(Number);
const A_TIME = "a time as ISO 8601 with a zone, or in epoch milliseconds";
const aFlag = z.enum(["0", "1", "false", "true"]).transform((text) => text === "1" || text === "true");
const code = z.string().refine(isErrorCode, "no code of an error of Shardcast");

const query = z.strictObject({
  key: z.string().exactOptional(),
  lane: digits.exactOptional(),
  handler: z.string().exactOptional(),
  code: code.exactOptional(),
  from: z.union([ISO, digits.pipe(EPOCH_MS)], A_TIME).exactOptional(),
  to: z.union([ISO, digits.pipe(EPOCH_MS)], A_TIME).exactOptional(),
  limit: digits.exactOptional(),
  cursor: z.string().exactOptional(),
  all: aFlag.exactOptional(),
  body: aFlag.exactOptional(),
});

const whole = z.number().int().min(0);
const discardBody = z.strictObject({
  key: z.string().exactOptional(),
  lane: whole.exactOptional(),
  handler: z.string().exactOptional(),
  code: code.exactOptional(),
  from: z.union([ISO, EPOCH_MS], A_TIME).exactOptional(),
  to: z.union([ISO, EPOCH_MS], A_TIME).exactOptional(),
  ids: z.array(z.string()).exactOptional(),
  dryRun: z.boolean().exactOptional(),
  limit: whole.exactOptional(),
  cursor: z.string().exactOptional(),
});
const redriveBody = discardBody.extend({
  ratePerSecond: z.number().exactOptional(),
  maxRedrives: whole.exactOptional(),
  force: z.boolean().exactOptional(),
});

/** What was asked for, in the words of the routes. */
interface Asked {
  readonly key?: string;
  readonly lane?: number;
  readonly from?: number;
  readonly to?: number;
}

/** Requests that were given up (C9): found, sent again, discarded. */
export function addDeadLetterRoutes(
  app: FastifyInstance,
  { deadLetters, ...parts }: DeadLetterRouteOptions,
): void {
  const { client, closing } = parts.backend;
  const onRequest = admission(parts);
  app.addHook("onClose", () => deadLetters.close());

  /** A key is on one lane only; there it is looked for. */
  async function selected<T extends Asked>(
    service: string,
    { key, lane, from, to, ...rest }: T,
  ): Promise<Omit<T, keyof Asked> & Selection> {
    const home = key === undefined ? lane : (await client.owner(service, key)).lane;
    if (lane !== undefined && home !== lane) throw invalid(`lane: the key is on lane ${home}`);
    return {
      ...rest,
      ...(key === undefined ? {} : { key: Buffer.from(key) }),
      ...(home === undefined ? {} : { lane: home }),
      ...(from === undefined ? {} : { fromMs: from }),
      ...(to === undefined ? {} : { toMs: to }),
    };
  }

  app.get<DeadLetterRoute>("/v1/:service/dead-letters", { onRequest }, async (request, reply) => {
    const { service } = request.params;
    const { all = false, body: withBody = false, ...asked } = parsed(query, request.query);
    const selection = { ...(await selected(service, asked)), includeSettled: all };
    const { letters, cursor } = await (await deadLetters.of(service)).list(selection);
    visitOf(request).hold(letters.reduce((bytes, { body }) => bytes + body.byteLength, 0));
    reply.header("cache-control", "no-store");
    if (cursor !== undefined) reply.header("link", `<${nextPage(request, cursor)}>; rel="next"`);
    const shown = letters.map((letter) => shownLetter(letter, withBody));
    return sendJson(reply, { service, limit: asked.limit ?? DEFAULT_PAGE, letters: shown, cursor });
  });

  app.post<DeadLetterRoute>("/v1/:service/dead-letters/redrive", { onRequest }, async (request, reply) => {
    const { service } = request.params;
    const selection = await selected(service, parsed(redriveBody, jsonOf(request)));
    const opened = await deadLetters.of(service);
    const visit = visitOf(request);
    const signal = AbortSignal.any([visit.signal, closing]);
    return answer(reply, visit, opened.redrive({ ...selection, signal }));
  });

  app.post<DeadLetterRoute>("/v1/:service/dead-letters/discard", { onRequest }, async (request, reply) => {
    const { service } = request.params;
    const selection = await selected(service, parsed(discardBody, jsonOf(request)));
    const opened = await deadLetters.of(service);
    const visit = visitOf(request);
    const signal = AbortSignal.any([visit.signal, closing]);
    return answer(reply, visit, opened.discard({ ...selection, signal }));
  });
}

/** The report of what ends, also half-way, when its caller leaves or the gateway closes. */
async function answer(
  reply: FastifyReply,
  { signal: left }: Visit,
  settling: Promise<SettleReport>,
): Promise<FastifyReply> {
  try {
    const report = await settling;
    reply.header("cache-control", "no-store");
    return left.aborted ? reply.hijack() : sendJson(reply, report);
  } catch (error) {
    // Nobody is there to be answered.
    if (!left.aborted) throw error;
    return reply.hijack();
  }
}

/** Without its body unless that is asked for; keys that are no text are in base64 only. */
function shownLetter({ why, key, body, ...letter }: ListedLetter, withBody: boolean): object {
  const { code, reason, attempts, origin, member, atMs } = why;
  const isText = key !== null && isUtf8(key);
  return {
    ...letter,
    key: isText ? key.toString("utf8") : null,
    ...(key === null || isText ? {} : { keyBase64: key.toString("base64") }),
    code,
    reason,
    attempts,
    origin,
    member,
    at: isoTime(atMs),
    bytes: body.byteLength,
    ...(withBody ? { body: body.toString("base64") } : {}),
  };
}

/** A stranger may have written any number; not all of them are dates. */
function isoTime(ms: number): string | null {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? null : time.toISOString();
}

function nextPage(request: FastifyRequest<DeadLetterRoute>, cursor: string): string {
  const [path = "", asked = ""] = request.raw.url?.split("?", 2) ?? [];
  const params = new URLSearchParams(asked);
  params.set("cursor", cursor);
  return `${path}?${params}`;
}

/** No body is an empty object: everything. */
function jsonOf({ body }: FastifyRequest): unknown {
  const bytes = body as Buffer | undefined;
  if (bytes === undefined || bytes.byteLength === 0) return {};
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    throw invalid("the body is not JSON");
  }
}

/** Throws SHARDCAST_INVALID_REQUEST that names what is wrong. */
function parsed<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.map((issue) => {
    const where = issue.code === "unrecognized_keys" ? issue.keys : issue.path;
    const what = issue.code === "unrecognized_keys" ? "is not known here" : issue.message;
    return where.length === 0 ? `the body: ${what}` : `${where.join(".")}: ${what}`;
  });
  throw invalid(faults.join("; "));
}

function visitOf(request: FastifyRequest<DeadLetterRoute>): Visit {
  return request.visit as Visit;
}

function invalid(detail: string): ShardcastError {
  return new ShardcastError("SHARDCAST_INVALID_REQUEST", detail);
}
