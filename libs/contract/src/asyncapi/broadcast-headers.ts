import { ERROR_TABLE } from "@shardcast/protocol";
import type { JsonObject } from "../documents/json.ts";
import { CARRIED, contentType, headers, status, text, token, whole } from "./headers.ts";

const service = (name: string): JsonObject => text("The service.", { const: name });
const kind = (kinds: readonly string[]): JsonObject => text("What the record says.", { enum: [...kinds] });
const atMs = whole("Epoch milliseconds.");
const member = text("Who speaks.");

export function broadcastHeaders(name: string, handler: string): JsonObject {
  return headers(
    ["sc-service", "sc-handler", "sc-at", "sc-deadline", "sc-ack", "sc-epoch", "sc-expected"],
    {
      "sc-service": service(name),
      "sc-handler": text("The handler.", { const: handler }),
      "sc-at": whole("When it was accepted; epoch milliseconds."),
      "sc-deadline": whole("Epoch milliseconds after which no handler starts (C8): the time to live."),
      "sc-ack": text("Whose acknowledgements it needs: a number of members, or one of these words.", {
        pattern: "^(all|quorum|none|[1-9][0-9]{0,4})$",
      }),
      "sc-epoch": whole("Of the shard map when it was accepted; 0 while nobody has planned."),
      "sc-expected": text(
        "JSON: the members it expects, frozen when it was accepted; an ephemeral one with its incarnation.",
      ),
      "sc-targeted": text("Set when only who is expected acts on it.", { const: "1" }),
      "sc-redrive-of": text("The broadcast whose unfinished members this one is for."),
      "content-type": contentType,
      traceparent: text("W3C Trace Context."),
    },
    CARRIED,
  );
}

export function broadcastCancelHeaders(name: string): JsonObject {
  return headers(["sc-service", "sc-kind"], {
    "sc-service": service(name),
    "sc-kind": text("What the record is.", { const: "cancel" }),
  });
}

export function ackHeaders(): JsonObject {
  return headers(
    ["sc-ack-kind", "sc-member", "sc-at", "sc-attempt"],
    {
      "sc-ack-kind": kind(["running", "retrying", "acked", "failed"]),
      "sc-member": member,
      "sc-token": token,
      "sc-incarnation": text("Of an ephemeral member, instead of a token: the one that speaks."),
      "sc-at": atMs,
      "sc-attempt": whole("Attempts of the handler so far."),
      "sc-reason": text("Why an attempt failed."),
      "sc-error": text("Set when it was given up.", { enum: Object.keys(ERROR_TABLE) }),
      "sc-status": status,
      "content-type": contentType,
    },
    CARRIED,
  );
}

export function goneHeaders(): JsonObject {
  return headers(["sc-ack-kind", "sc-at"], { "sc-ack-kind": kind(["gone"]), "sc-at": atMs });
}

export function closedHeaders(): JsonObject {
  return headers(["sc-ack-kind", "sc-at", "sc-why"], {
    "sc-ack-kind": kind(["closed"]),
    "sc-at": atMs,
    "sc-why": text("Why nobody is awaited any more.", { enum: ["expired", "cancelled"] }),
  });
}

export function joinedHeaders(): JsonObject {
  return headers(["sc-ack-kind", "sc-member", "sc-token"], {
    "sc-ack-kind": kind(["joined"]),
    "sc-member": member,
    "sc-token": token,
  });
}
