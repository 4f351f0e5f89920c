import { randomBytes } from "node:crypto";

/** Bytes that {@link stamp} adds; `MAX_METADATA_BYTES` leaves room for them. */
export const STAMP_BYTES = 9;

/** Names one session among all of its member. */
export function newSessionId(): string {
  return randomBytes(6).toString("base64url");
}

/**
 * Commit metadata that says whose it is. A session that lost its producer to a fault must not take its transactional
 * id again when a newer session lives: that would fence the rightful one. It reads here whether one has committed.
 */
export function stamp(sessionId: string, metadata: string): string {
  return `${sessionId}:${metadata}`;
}

export function unstamp(text: string): { readonly sessionId: string; readonly metadata: string } {
  const colon = text.indexOf(":");
  if (colon !== STAMP_BYTES - 1) return { sessionId: "", metadata: "" };
  return { sessionId: text.slice(0, colon), metadata: text.slice(colon + 1) };
}
