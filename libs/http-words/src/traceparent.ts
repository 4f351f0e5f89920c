import type { IncomingHttpHeaders } from "node:http";

// W3C Trace Context, version 00; what does not look like it is not passed on, as the standard wants.
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The `traceparent` of a request; undefined where there is none, or none that is valid. */
export function traceparentOf({ traceparent }: IncomingHttpHeaders): string | undefined {
  return typeof traceparent === "string" && TRACEPARENT.test(traceparent) ? traceparent : undefined;
}
