import type { Contract } from "../contract.ts";
import type { JsonObject } from "../documents/json.ts";
import { declaredProblem, problemSchema } from "../documents/problem-schema.ts";
import type { Ref, Schemas } from "../documents/schemas.ts";
import { UniqueNames } from "../documents/unique-names.ts";
import { type BroadcastMessages, broadcastMessagesOf } from "./broadcast-messages.ts";
import {
  cancelHeaders,
  controlHeaders,
  deadHeaders,
  fenceHeaders,
  progressHeaders,
  redrivenHeaders,
  replyHeaders,
  requestHeaders,
  resultHeaders,
} from "./headers.ts";
import type { PutMessage } from "./put-message.ts";

/** A handler's messages, by their names in the document. */
export interface HandlerMessages {
  readonly handler: string;
  readonly description: string | undefined;
  readonly request: string;
  readonly replies: readonly string[];
}

/** Every message of a service, by name, and which of them belong to what. */
export interface Messages {
  readonly all: Readonly<Record<string, JsonObject>>;
  readonly handlers: readonly HandlerMessages[];
  readonly cancel: string;
  readonly problem: string;
  readonly fence: string;
  readonly progress: string;
  readonly result: string;
  readonly dead: string;
  readonly redriven: string;
  readonly control: string;
  /** Undefined where the contract declares none. */
  readonly broadcasts: BroadcastMessages | undefined;
}

const BINDING_VERSION = "0.5.0";
const EMPTY: JsonObject = { description: "Empty." };

export function messagesOf(contract: Contract, schemas: Schemas): Messages {
  const { service, keys, handlers } = contract;
  const names = new UniqueNames();
  const all: Record<string, JsonObject> = {};
  const problem = schemas.put("Problem", problemSchema());
  const key =
    keys === undefined ? schemas.put("Key", { type: "string", minLength: 1 }) : schemas.add("Key", keys);
  const id: JsonObject = { type: "string", description: "The request's id." };

  const put: PutMessage = (wanted, summary, headers, payload, key) => {
    const name = names.take(wanted);
    all[name] = {
      name,
      summary,
      contentType: "application/json",
      headers: schemas.put(`${name}_headers`, headers),
      payload,
      ...(key === undefined ? {} : { bindings: { kafka: { key, bindingVersion: BINDING_VERSION } } }),
    };
    return name;
  };

  const made = Object.entries(handlers).map(([handler, { description, input, output, errors }]) => {
    const payload = input === undefined ? EMPTY : schemas.add(`${handler}_input`, input);
    const answer = output === undefined ? EMPTY : schemas.add(`${handler}_output`, output);
    const request = put(
      handler,
      `A request to ${handler}`,
      requestHeaders(service, handler),
      { ...payload },
      key,
    );
    const reply = put(`${handler}_reply`, `The answer of ${handler}`, replyHeaders(false), { ...answer }, id);
    const refusals = Object.entries(errors ?? {}).map(([error, { description, details }]) => {
      const name = `${handler}_${error}`;
      const detailsRef: Ref | undefined =
        details === undefined ? undefined : schemas.add(`${name}_details`, details);
      const refusal = schemas.put(name, declaredProblem(problem, error, description, detailsRef));
      return put(name, `${handler} refuses: ${error}`, replyHeaders(true), { ...refusal }, id);
    });
    return { handler, description, request, replies: [reply, ...refusals] };
  });
  const span: JsonObject = {
    type: "object",
    required: ["from", "to"],
    properties: { from: { type: "integer" }, to: { type: "integer", description: "Not included." } },
  };
  const lane: JsonObject = {
    type: "string",
    description: "What it speaks of: the newest record of a key counts.",
  };
  return {
    all,
    handlers: made,
    cancel: put("cancel", "A request shall not start, or stop", cancelHeaders(service), EMPTY, id),
    problem: put("problem", "Why a request failed", replyHeaders(true), { ...problem }, id),
    fence: put("fence", "Replies of lost owners are over from here on (C4)", fenceHeaders(), {
      type: "object",
      description: "Highest fencing token that is over, by lane.",
      additionalProperties: { type: "integer", minimum: 0 },
    }),
    progress: put("progress", "What a recorded request is doing", progressHeaders(), EMPTY, id),
    result: put(
      "result",
      "How a recorded request ended (C3)",
      resultHeaders(),
      { description: "The answer as whoever waits gets it: the handler's, or a problem document." },
      id,
    ),
    dead: put(
      "deadLetter",
      "A record that was given up (C9), with its own headers beside these",
      deadHeaders(),
      { description: "The record's body." },
      { description: "The record's key." },
    ),
    redriven: put(
      "redriven",
      "Nothing is left to be done about letters before it",
      redrivenHeaders(),
      {
        type: "object",
        required: ["redriveId", "how", "atMs", "low", "letters"],
        properties: {
          redriveId: { type: "string" },
          how: { type: "string", enum: ["redriven", "discarded"] },
          atMs: { type: "integer" },
          low: { type: "integer", description: "The partition's lowest offset then." },
          letters: { type: "array", items: span, description: "Offsets of the letters." },
        },
      },
      { type: "string", description: "Of the redrive." },
    ),
    control: put(
      "control",
      "Shard map, owners, members (C2)",
      controlHeaders(),
      {
        type: "object",
        required: ["kind"],
        properties: { kind: { type: "string", enum: ["map", "lane", "member", "beat", "planner"] } },
      },
      lane,
    ),
    broadcasts: broadcastMessagesOf(contract, schemas, put),
  };
}
