import { createHash } from "node:crypto";
import type { CloudEvent } from "./event.ts";

/**
 * The idempotency key of an event: source and id together tell it from every other (CloudEvents 1.0), and whoever delivers it
 * again sends both again (C5). A hash, since both may be longer than a key may.
 */
export function idempotencyKeyOfEvent({ source, id }: CloudEvent): string {
  return `ce:${createHash("sha256")
    .update(JSON.stringify([source, id]))
    .digest("base64url")}`;
}
