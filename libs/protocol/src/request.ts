import { readForeignEvent } from "./foreign-event.ts";
import { isHandlerName, isServiceName, MAX_KEY_BYTES } from "./names.ts";
import { asBuffer, headerText, type IncomingRecord, type WireRecord } from "./record.ts";
import { decodeUserHeaders, encodeUserHeaders, type UserHeaders } from "./user-headers.ts";
import { readVersion, VERSION_HEADER, VERSION_VALUE } from "./version.ts";

/** Where a reply goes: a partition of the service's replies topic, and the instance that listens there. */
export interface ReplyAddress {
  readonly partition: number;
  readonly instance: string;
  /**
   * What the reply is found by where it is not the request's id: several may ask with one id, each with a body of his own
   * (C5).
   */
  readonly correlation?: string;
}

/**
 * What is kept of a request on `S.results`: how it ended, or also that attempts of it have started and failed. Absent:
 * nothing, only who waits is told.
 */
export type Recording = "outcome" | "progress";

/** Of a request that is sent again out of a parked key. Offsets are of the lane's partition of `S.dead`. */
export interface ParkedPlace {
  /** Of its first letter: in this order the requests of the key go. */
  readonly place: number;
  /** Everything of the key up to here was known to who sends it: a request of the key that failed later stops it. */
  readonly upTo: number;
}

/** A keyed request as it travels on `S.requests`. */
export interface RequestEnvelope {
  /**
   * A UUID from our writers (`newRequestId`, `idempotentRequestId`); `<topic>-<partition>-<offset>` for a stranger's plain
   * record.
   */
  readonly id: string;
  readonly service: string;
  readonly key: Buffer;
  /** Handler name; empty for the default handler. */
  readonly handler: string;
  readonly contentType?: string;
  /** Absent when nobody waits. */
  readonly replyTo?: ReplyAddress;
  /** Epoch milliseconds after which no handler starts (C8). */
  readonly deadlineMs?: number;
  /** Epoch milliseconds before which no handler starts. */
  readonly notBeforeMs?: number;
  readonly recording?: Recording;
  /** Where the answer is POSTed when the request has ended: an http(s) URL, see {@link isCallbackUrl}. */
  readonly callbackUrl?: string;
  /** 1 for the first delivery; a redrive counts up. */
  readonly attempt: number;
  /** How often it was sent again from the dead letters; absent when never. */
  readonly redriven?: number;
  /** Where it stands in the order of its parked key; only where it was sent again out of one. */
  readonly parked?: ParkedPlace;
  /** W3C Trace Context. */
  readonly traceparent?: string;
  /** Headers of the caller's that travel with the request. */
  readonly headers: UserHeaders;
  readonly body: Buffer;
}

export type DecodedRequest =
  | { readonly kind: "request"; readonly request: RequestEnvelope }
  /** Somebody wants the request of this id not to start, or to be stopped. It comes after that one on its lane. */
  | { readonly kind: "cancel"; readonly id: string }
  /** What lay parked of this key up to an offset of `S.dead` has been sent again, or discarded. It comes behind that. */
  | { readonly kind: "unpark"; readonly key: Buffer; readonly upTo: number }
  | {
      readonly kind: "malformed";
      readonly code: "SHARDCAST_MALFORMED_RECORD" | "SHARDCAST_UNSUPPORTED_VERSION";
      readonly reason: string;
    };

const EMPTY = Buffer.alloc(0);
const MAX_ID_LENGTH = 256;
const MAX_INSTANCE_LENGTH = 255;
const CANCEL = "cancel";
const UNPARK = "unpark";
const PARKED_HEADER = "sc-parked";
const UP_TO_HEADER = "sc-up-to";
const MAX_CALLBACK_URL_LENGTH = 2_048;

/** Whether it is one that a request can carry: http(s), at most 2,048 characters. Says nothing of who may be called. */
export function isCallbackUrl(text: string): boolean {
  if (text.length > MAX_CALLBACK_URL_LENGTH) return false;
  const protocol = URL.parse(text)?.protocol;
  return protocol === "https:" || protocol === "http:";
}

/** The record of a request. Round-trips through {@link decodeRequest}. */
export function encodeRequest(request: RequestEnvelope): WireRecord {
  const headers: Record<string, Uint8Array | string> = {
    [VERSION_HEADER]: VERSION_VALUE,
    "sc-id": request.id,
    "sc-service": request.service,
  };
  if (request.handler !== "") headers["sc-handler"] = request.handler;
  if (request.contentType !== undefined) headers["content-type"] = request.contentType;
  if (request.replyTo !== undefined) {
    const { partition, instance, correlation } = request.replyTo;
    headers["sc-reply-to"] = `${partition}/${instance}`;
    if (correlation !== undefined) headers["sc-correlation"] = correlation;
  }
  if (request.deadlineMs !== undefined) headers["sc-deadline"] = String(request.deadlineMs);
  if (request.notBeforeMs !== undefined) headers["sc-not-before"] = String(request.notBeforeMs);
  if (request.recording !== undefined) headers["sc-recording"] = request.recording;
  if (request.callbackUrl !== undefined) headers["sc-callback"] = request.callbackUrl;
  if (request.attempt !== 1) headers["sc-attempt"] = String(request.attempt);
  if (request.redriven !== undefined) headers["sc-redriven"] = String(request.redriven);
  if (request.parked !== undefined) {
    headers[PARKED_HEADER] = `${request.parked.place}/${request.parked.upTo}`;
  }
  if (request.traceparent !== undefined) headers.traceparent = request.traceparent;
  encodeUserHeaders(request.headers, headers);
  return { key: request.key, value: request.body, headers };
}

/** The record that cancels a request. Goes to the request's own lane, behind it. */
export function encodeCancel(service: string, id: string): WireRecord {
  const headers = { [VERSION_HEADER]: VERSION_VALUE, "sc-id": id, "sc-service": service, "sc-kind": CANCEL };
  return { key: Buffer.from(id), value: null, headers };
}

/** The record that unparks a key. Goes to the key's lane, behind everything of the key that was sent again. */
export function encodeUnpark(
  service: string,
  { redriveId, key, upTo }: { readonly redriveId: string; readonly key: Buffer; readonly upTo: number },
): WireRecord {
  const headers = {
    [VERSION_HEADER]: VERSION_VALUE,
    "sc-id": redriveId,
    "sc-service": service,
    "sc-kind": UNPARK,
    [UP_TO_HEADER]: String(upTo),
  };
  return { key, value: null, headers };
}

/** The place in the headers of a request, or of the letter that has become of it; undefined for all others. */
export function decodeParkedPlace(headers: IncomingRecord["headers"]): ParkedPlace | undefined {
  const [place, upTo, ...more] = headerText(headers, PARKED_HEADER)?.split("/").map(wholeNumber) ?? [];
  return place === undefined || upTo === undefined || more.length > 0 ? undefined : { place, upTo };
}

/**
 * The request in a record, or why it is none; never throws, whatever the bytes.
 *
 * A record without our version header is a stranger's keyed event (any Kafka client may write one): it goes to
 * the default handler, or as a CloudEvent to the one its type names; its id is made from where it lies, so that reading it
 * twice gives the same id.
 *
 * @param service whose topic this is
 * @param origin where the record lies, e.g. `accounts.requests-0-17`
 */
export function decodeRequest(record: IncomingRecord, service: string, origin: string): DecodedRequest {
  if (record.key === null) return malformed("the record has no key, so it belongs to no lane");
  if (record.key.byteLength > MAX_KEY_BYTES)
    return malformed(`the key is longer than ${MAX_KEY_BYTES} bytes`);
  const { headers } = record;
  const version = readVersion(headers);
  if (version.kind === "unsupported") {
    return { kind: "malformed", code: "SHARDCAST_UNSUPPORTED_VERSION", reason: version.reason };
  }
  if (version.kind === "invalid") return malformed(version.reason);

  const contentType = headerText(headers, "content-type");
  const traceparent = headerText(headers, "traceparent");
  const body = record.value ?? EMPTY;
  const common = {
    key: asBuffer(record.key),
    body: asBuffer(body),
    ...(contentType === undefined ? {} : { contentType }),
    ...(traceparent === undefined ? {} : { traceparent }),
  };
  if (version.kind === "absent") {
    const request = { ...common, id: origin, service, ...readForeignEvent(headers), attempt: 1 };
    return { kind: "request", request };
  }

  const id = headerText(headers, "sc-id") ?? "";
  if (id === "" || id.length > MAX_ID_LENGTH) return malformed("sc-id is missing or too long");
  const to = headerText(headers, "sc-service") ?? "";
  if (!isServiceName(to)) return malformed("sc-service is missing or not a service name");
  if (to !== service) return malformed(`the request is for service ${to}`);
  const kind = headerText(headers, "sc-kind");
  if (kind === CANCEL) return { kind: "cancel", id };
  if (kind === UNPARK) {
    const upTo = wholeNumber(headerText(headers, UP_TO_HEADER) ?? "");
    return upTo === undefined
      ? malformed("sc-up-to is not an offset")
      : { kind: "unpark", key: common.key, upTo };
  }
  if (kind !== undefined) return malformed("sc-kind is none that is known");
  const handler = headerText(headers, "sc-handler") ?? "";
  if (!isHandlerName(handler)) return malformed("sc-handler is not a handler name");
  const attempt = wholeNumber(headerText(headers, "sc-attempt") ?? "1");
  if (attempt === undefined || attempt < 1) return malformed("sc-attempt is not a positive whole number");
  const rawRedriven = headerText(headers, "sc-redriven");
  const redriven = rawRedriven === undefined ? undefined : wholeNumber(rawRedriven);
  if (rawRedriven !== undefined && (redriven === undefined || redriven < 1))
    return malformed("sc-redriven is not a positive whole number");
  const parked = decodeParkedPlace(headers);
  if (parked === undefined && headerText(headers, PARKED_HEADER) !== undefined)
    return malformed("sc-parked is not PLACE/UP-TO");
  const rawDeadline = headerText(headers, "sc-deadline");
  const deadlineMs = rawDeadline === undefined ? undefined : wholeNumber(rawDeadline);
  if (rawDeadline !== undefined && deadlineMs === undefined)
    return malformed("sc-deadline is not epoch milliseconds");
  const rawNotBefore = headerText(headers, "sc-not-before");
  const notBeforeMs = rawNotBefore === undefined ? undefined : wholeNumber(rawNotBefore);
  if (rawNotBefore !== undefined && notBeforeMs === undefined)
    return malformed("sc-not-before is not epoch milliseconds");
  const recording = headerText(headers, "sc-recording");
  if (recording !== undefined && !isRecording(recording))
    return malformed("sc-recording is none that is known");
  const callbackUrl = headerText(headers, "sc-callback");
  if (callbackUrl !== undefined && !isCallbackUrl(callbackUrl))
    return malformed("sc-callback is not an http(s) URL, or too long");
  const rawReplyTo = headerText(headers, "sc-reply-to");
  const correlation = headerText(headers, "sc-correlation");
  const replyTo = rawReplyTo === undefined ? undefined : parseReplyAddress(rawReplyTo, correlation);
  if (rawReplyTo !== undefined && replyTo === undefined)
    return malformed("sc-reply-to is not PARTITION/INSTANCE");

  return {
    kind: "request",
    request: {
      ...common,
      id,
      service: to,
      handler,
      attempt,
      headers: decodeUserHeaders(headers),
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
      ...(notBeforeMs === undefined ? {} : { notBeforeMs }),
      ...(recording === undefined ? {} : { recording }),
      ...(callbackUrl === undefined ? {} : { callbackUrl }),
      ...(redriven === undefined ? {} : { redriven }),
      ...(parked === undefined ? {} : { parked }),
      ...(replyTo === undefined ? {} : { replyTo }),
    },
  };
}

function malformed(reason: string): DecodedRequest {
  return { kind: "malformed", code: "SHARDCAST_MALFORMED_RECORD", reason };
}

function isRecording(text: string): text is Recording {
  return text === "outcome" || text === "progress";
}

function parseReplyAddress(text: string, correlation: string | undefined): ReplyAddress | undefined {
  const slash = text.indexOf("/");
  const partition = slash < 1 ? undefined : wholeNumber(text.slice(0, slash));
  const instance = text.slice(slash + 1);
  if (partition === undefined || instance === "" || instance.length > MAX_INSTANCE_LENGTH) return undefined;
  if (correlation === undefined) return { partition, instance };
  return correlation === "" || correlation.length > MAX_ID_LENGTH
    ? undefined
    : { partition, instance, correlation };
}

function wholeNumber(text: string): number | undefined {
  if (!/^[0-9]{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}
