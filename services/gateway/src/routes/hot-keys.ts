import { isUtf8 } from "node:buffer";
import type { FastifyInstance } from "fastify";
import { type AdmissionParts, admission } from "../admission.ts";
import type { HotKeys } from "../hot-keys.ts";
import type { HotKey, HotLaneReport } from "../hot-lane.ts";
import { sendJson } from "../json.ts";

interface ServiceRoute {
  Params: { readonly service: string };
}

export interface HotKeyRouteOptions extends AdmissionParts {
  readonly hotKeys: HotKeys;
}

/** `GET /v1/{service}/hot-keys`: the keys of each lane that were asked for most, as far as this gateway knows. */
export function addHotKeyRoutes(app: FastifyInstance, { hotKeys, ...parts }: HotKeyRouteOptions): void {
  app.get<ServiceRoute>("/v1/:service/hot-keys", { onRequest: admission(parts) }, (request, reply) => {
    const { service } = request.params;
    const lanes = [...hotKeys.of(service)].map(([lane, report]) => ({ lane, ...shown(report) }));
    reply.header("cache-control", "no-store");
    return sendJson(reply, { service, seenBy: "this gateway", windowSeconds: 60, lanes });
  });
}

function shown({ requests, keys }: HotLaneReport) {
  return {
    requests,
    keys: keys.map((key) => ({ ...named(key), count: key.count, share: shareOf(key, requests) })),
  };
}

/** JSON has no other strings than those of Unicode. */
function named({ name }: HotKey) {
  const bytes = Buffer.from(name, "latin1");
  return isUtf8(bytes) ? { key: bytes.toString("utf8") } : { key: bytes.toString("base64"), base64: true };
}

/** To three digits: it is an estimate. */
function shareOf({ count }: HotKey, requests: number): number {
  return Math.round((count / requests) * 1_000) / 1_000;
}
