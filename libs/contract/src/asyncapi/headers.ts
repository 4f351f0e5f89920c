import type { RequestEnd } from "@shardcast/protocol";
import { ERROR_TABLE, PROTOCOL_VERSION, VERSION_HEADER } from "@shardcast/protocol";
import type { JsonObject } from "../documents/json.ts";

export const text = (description: string, more: JsonObject = {}): JsonObject => ({
  type: "string",
  description,
  ...more,
});
export const whole = (description: string): JsonObject => text(description, { pattern: "^[0-9]{1,16}$" });

const version = text(`One byte: ${PROTOCOL_VERSION}.`);
export const contentType = text("Of the body.");
export const status = text("HTTP status, 200 to 599.", { pattern: "^[2-5][0-9]{2}$" });
export const token = whole("Fencing token of the owner that says so (C2, C4).");
const error = text("Set when the request failed; the body is then a problem document.", {
  enum: Object.keys(ERROR_TABLE),
});

/** Headers of a caller's request, or of an answer. */
export const CARRIED: JsonObject = {
  "^http-": { type: "string", description: "A header of the request or answer: its name follows `http-`." },
};

export function headers(
  required: readonly string[],
  properties: Readonly<Record<string, JsonObject>>,
  patternProperties?: JsonObject,
): JsonObject {
  return {
    type: "object",
    required: [VERSION_HEADER, ...required],
    properties: { [VERSION_HEADER]: version, ...properties },
    ...(patternProperties === undefined ? {} : { patternProperties }),
  };
}

export function requestHeaders(service: string, handler: string): JsonObject {
  return headers(
    ["sc-id", "sc-service", "sc-handler"],
    {
      "sc-id": text("The request's id: a UUID whose last 16 bits are the lane."),
      "sc-service": text("The service.", { const: service }),
      "sc-handler": text("The handler.", { const: handler }),
      "content-type": contentType,
      "sc-reply-to": text("PARTITION/INSTANCE: where the reply goes; absent when nobody waits.", {
        pattern: "^[0-9]+/.+$",
      }),
      "sc-correlation": text("What the reply is found by, where that is not the id (C5)."),
      "sc-deadline": whole("Epoch milliseconds after which no handler starts (C8)."),
      "sc-not-before": whole("Epoch milliseconds before which no handler starts."),
      "sc-recording": text("What is recorded on the results.", { enum: ["outcome", "progress"] }),
      "sc-attempt": whole("Absent for the first delivery; a redrive counts up."),
      traceparent: text("W3C Trace Context."),
    },
    CARRIED,
  );
}

export function cancelHeaders(service: string): JsonObject {
  return headers(["sc-id", "sc-service", "sc-kind"], {
    "sc-id": text("Of the request that shall not start, or stop. It is before this on the same lane."),
    "sc-service": text("The service.", { const: service }),
    "sc-kind": text("What the record is.", { const: "cancel" }),
  });
}

export function replyHeaders(failed: boolean): JsonObject {
  return headers(
    failed ? ["sc-to", "sc-status", "sc-error"] : ["sc-to", "sc-status"],
    {
      "sc-to": text("The instance that waits; others drop the record by it."),
      "sc-id": text("The request's id, where it is not the key."),
      "sc-status": status,
      "sc-token": token,
      "content-type": contentType,
      ...(failed ? { "sc-error": error } : {}),
    },
    CARRIED,
  );
}

export function fenceHeaders(): JsonObject {
  return headers(["sc-fence"], { "sc-fence": text("Says that the record is a mark.", { const: "1" }) });
}

export function progressHeaders(): JsonObject {
  return headers(["sc-result", ...RESULT], {
    ...resultProperties,
    "sc-result": text("What the request is doing.", { enum: ["running", "retrying"] }),
    "sc-reason": text("Why the attempt failed."),
  });
}

export function resultHeaders(): JsonObject {
  const ends: readonly RequestEnd[] = ["replied", "failed", "dead-lettered", "expired", "cancelled"];
  return headers(
    ["sc-result", ...RESULT, "sc-fingerprint", "sc-status"],
    {
      ...resultProperties,
      "sc-result": text("How the request ended (C3).", { enum: ends }),
      "sc-fingerprint": text(
        "Of handler, content type and body: tells a repetition from another request (C5).",
      ),
      "sc-status": status,
      "sc-error": error,
      "content-type": contentType,
    },
    CARRIED,
  );
}

const RESULT = ["sc-token", "sc-at", "sc-attempts"] as const;
const resultProperties = {
  "sc-token": token,
  "sc-at": whole("Epoch milliseconds."),
  "sc-delivery": whole("Absent for the first delivery of the request."),
  "sc-attempts": whole("Attempts of the handler in this delivery."),
};

/** Beside the headers that the record had. */
export function deadHeaders(): JsonObject {
  return {
    type: "object",
    required: [
      "sc-dead-code",
      "sc-dead-reason",
      "sc-dead-attempts",
      "sc-dead-origin",
      "sc-dead-member",
      "sc-dead-at",
    ],
    properties: {
      "sc-dead-code": text("Why.", { enum: Object.keys(ERROR_TABLE) }),
      "sc-dead-reason": text("The last error, in words."),
      "sc-dead-attempts": whole("Attempts of the handler; 0 when none ever saw it."),
      "sc-dead-origin": text("TOPIC/PARTITION/OFFSET of the record."),
      "sc-dead-member": text("Who gave it up."),
      "sc-dead-at": whole("Epoch milliseconds."),
      "sc-dead-truncated": text("Set when the record was too large to be kept whole.", { const: "true" }),
    },
  };
}

export function redrivenHeaders(): JsonObject {
  return headers(["sc-redrive"], { "sc-redrive": text("Says that the record is a mark.", { const: "1" }) });
}

export function controlHeaders(): JsonObject {
  return headers([], {});
}
