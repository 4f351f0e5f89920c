import type { BroadcastStatus, MemberOutcome, MemberReply } from "./broadcast-status.ts";

/** A reply in JSON: its body as text where it is UTF-8, else in base64. */
export type MemberReplyJson = Omit<MemberReply, "body"> &
  ({ readonly body: string } | { readonly bodyBase64: string });

type Jsoned<M> = M extends { readonly reply: MemberReply }
  ? Omit<M, "reply"> & { readonly reply: MemberReplyJson }
  : M;

export type MemberOutcomeJson = Jsoned<MemberOutcome>;
export type BroadcastStatusJson = Omit<BroadcastStatus, "members"> & {
  readonly members: readonly MemberOutcomeJson[];
};

/** As the gateway says it over HTTP. Runs in browsers, as does {@link fromBroadcastJson}. */
export function toBroadcastJson(status: BroadcastStatus): BroadcastStatusJson {
  return { ...status, members: status.members.map(toOutcomeJson) };
}

export function toOutcomeJson(outcome: MemberOutcome): MemberOutcomeJson {
  if (outcome.state !== "acked") return outcome;
  const { body, ...rest } = outcome.reply;
  return { ...outcome, reply: { ...rest, ...bodyToJson(body) } };
}

/** The other way round. Trusts the gateway. */
export function fromBroadcastJson(json: BroadcastStatusJson): BroadcastStatus {
  return { ...json, members: json.members.map(fromOutcomeJson) };
}

export function fromOutcomeJson(outcome: MemberOutcomeJson): MemberOutcome {
  if (outcome.state !== "acked") return outcome;
  const { status, contentType, headers } = outcome.reply;
  const body =
    "body" in outcome.reply
      ? new TextEncoder().encode(outcome.reply.body)
      : Uint8Array.from(atob(outcome.reply.bodyBase64), (char) => char.charCodeAt(0));
  return {
    ...outcome,
    reply: { status, headers, body, ...(contentType === undefined ? {} : { contentType }) },
  };
}

function bodyToJson(bytes: Uint8Array): { body: string } | { bodyBase64: string } {
  try {
    return { body: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { bodyBase64: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")) };
  }
}
