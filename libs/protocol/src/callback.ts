import { idempotentRequestId } from "./id.ts";
import { percentEncoded } from "./percent-encoded.ts";
import type { WireRecord } from "./record.ts";
import { encodeRequest, type RequestEnvelope } from "./request.ts";
import type { ResultEnd } from "./result.ts";
import { type ServiceTopics, topicsOf } from "./topics.ts";
import type { UserHeaders } from "./user-headers.ts";

/** Lanes of every callback service: fixed, because owners write there and gateways read, and both must hash alike. */
export const CALLBACK_LANES = 8;

/** The header of a callback request that says where it goes; its others, `shardcast-…`, go there. */
export const CALLBACK_URL_HEADER = "callback-url";

/** Servers refuse long headers; who needs a longer key finds it by the request's id. */
const MAX_KEY_HEADER = 2_048;

/** A callback request, with where on the log it goes. */
export interface CallbackRecord extends WireRecord {
  readonly topic: string;
  readonly partition: number;
}

/**
 * The name of the service whose requests are the callbacks of another one's. A DNS label as well: of services with
 * names over 53 characters nobody can be called back.
 */
export function callbackServiceOf(service: string): string {
  return `${service}-callbacks`;
}

/**
 * The topics of a service's callbacks; they must be there before the first callback is committed.
 *
 * @throws {ShardcastError} SHARDCAST_INVALID_REQUEST when the service's name is too long for callbacks
 */
export function callbackTopicsOf(service: string, prefix = ""): ServiceTopics {
  return topicsOf(callbackServiceOf(service), { lanes: CALLBACK_LANES, prefix });
}

/**
 * What makes the answer of a request be sent to its `callbackUrl`: a request to the callback service, to be committed
 * together with the result (C3). Its key is the request's, so that the answers of one key are sent in order (C1). Its id is the
 * same for the same end and the same URL, and another for each other: a receiver may go by it.
 *
 * @param lane the key's lane, by murmur2, of {@link CALLBACK_LANES}
 */
export function encodeCallback(
  request: RequestEnvelope & { readonly callbackUrl: string },
  result: ResultEnd,
  lane: number,
  prefix = "",
): CallbackRecord {
  const { key, callbackUrl, traceparent } = request;
  const service = callbackServiceOf(request.service);
  const end = JSON.stringify([result.id, result.delivery, result.end, result.atMs, callbackUrl]);
  const record = encodeRequest({
    id: idempotentRequestId(service, key, end, lane),
    service,
    key,
    handler: "",
    attempt: 1,
    ...(result.contentType === undefined ? {} : { contentType: result.contentType }),
    ...(traceparent === undefined ? {} : { traceparent }),
    headers: headersOf(request, result),
    body: result.body,
  });
  return { ...record, topic: callbackTopicsOf(request.service, prefix).requests.name, partition: lane };
}

function headersOf(
  { service, key, callbackUrl }: RequestEnvelope & { readonly callbackUrl: string },
  { id, end, status }: ResultEnd,
): UserHeaders {
  const encodedKey = percentEncoded(key);
  return {
    [CALLBACK_URL_HEADER]: callbackUrl,
    "shardcast-request-id": id,
    "shardcast-request-state": end,
    "shardcast-status": String(status),
    "shardcast-service": service,
    ...(encodedKey.length > MAX_KEY_HEADER ? {} : { "shardcast-key": encodedKey }),
  };
}
