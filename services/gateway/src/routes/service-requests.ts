import { invalidRequest } from "@shardcast/http-words";
import { ShardcastError } from "@shardcast/protocol";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type AdmissionParts, admission } from "../admission.ts";
import { findKey } from "../key-sources/find-key.ts";
import { type KeySource, sourceText } from "../key-sources/key-source.ts";
import { type Posted, takePosted } from "../posted.ts";
import type { Publish } from "../publish.ts";
import { singleHeader } from "../single-header.ts";

interface ServiceRoute {
  Params: { readonly service: string };
  Querystring: { readonly handler?: string | readonly string[] };
}

export interface ServiceRequestOptions extends AdmissionParts {
  readonly publish: Publish;
  /** By service. */
  readonly keySources: Readonly<Record<string, KeySource>>;
}

const HANDLER_HEADER = "shardcast-handler";
/** Of an absolute form as well, and as it was sent: an encoded slash is no border of segments. */
const REST = /^(?:[a-z]+:\/\/[^/]*)?\/[^/]+\/[^/]+\/requests\/([^?#]*)/i;

/** `POST /v1/{service}/requests[/{handler…}]`: a request whose key is where the service's key source says. */
export function addServiceRequestRoutes(app: FastifyInstance, options: ServiceRequestOptions): void {
  const { publish, keySources, ...parts } = options;
  const onRequest = admission(parts);

  // Not async, see `Publish`.
  function handle(request: FastifyRequest<ServiceRoute>, reply: FastifyReply): Promise<void> {
    const { service } = request.params;
    const source = Object.hasOwn(keySources, service) ? keySources[service] : undefined;
    const posted = takePosted(request as FastifyRequest);
    const segments = segmentsOf(request.raw.url ?? "");
    const key = keyOf(source, request as FastifyRequest, segments, posted);
    const rest = source?.from === "path" ? segments.toSpliced(source.segment - 1, 1) : segments;
    const handler = handlerOf(request, rest) ?? posted.event?.type ?? "";
    return publish(request as FastifyRequest, reply, posted, { service, key, handler });
  }

  app.post<ServiceRoute>("/v1/:service/requests", { onRequest }, handle);
  app.post<ServiceRoute>("/v1/:service/requests/*", { onRequest }, handle);
}

/**
 * The key of the source, or the partition key of an event where the source has none. Two that differ are refused, and a token
 * is never made up for: a source may be what somebody before us has checked.
 */
function keyOf(
  source: KeySource | undefined,
  request: FastifyRequest,
  segments: readonly string[],
  { event, body }: Posted,
): string {
  const partitionKey = event?.partitionKey;
  if (source === undefined) {
    if (partitionKey !== undefined) return partitionKey;
    const hint = "send it to /v1/{service}/keys/{key}, or as a CloudEvent with a partitionkey";
    throw invalidKey(`no key source is configured for this service; ${hint}`);
  }
  const key = findKey(source, { request, segments, body });
  if (key === undefined) {
    if (partitionKey !== undefined && source.from !== "jwt") return partitionKey;
    throw invalidKey(`${sourceText(source)}: has no key`);
  }
  if (partitionKey === undefined || partitionKey === key) return key;
  throw invalidKey(`${sourceText(source)}: is not the event's partitionkey`);
}

/** As header, parameter or path say, in this order. */
function handlerOf(
  { raw, query }: FastifyRequest<ServiceRoute>,
  rest: readonly string[],
): string | undefined {
  const { handler } = query;
  if (handler !== undefined && typeof handler !== "string") {
    throw invalidRequest("handler: is given more than once");
  }
  return singleHeader(raw, HANDLER_HEADER) || handler || rest.join("/") || undefined;
}

function segmentsOf(url: string): readonly string[] {
  const [, rest = ""] = REST.exec(url) ?? [];
  // Decodes: the router would have refused it otherwise.
  return rest === "" ? [] : rest.split("/").map(decodeURIComponent);
}

function invalidKey(detail: string): ShardcastError {
  return new ShardcastError("SHARDCAST_INVALID_KEY", `key: ${detail}`);
}
