import type { JsonObject } from "@shardcast/contract/documents";

const TEXT = { type: "string" } as const satisfies JsonObject;
const COUNT = { type: "integer", minimum: 0 } as const satisfies JsonObject;
const FLAG = { type: "boolean" } as const satisfies JsonObject;

const AGE: JsonObject = {
  ...COUNT,
  description:
    "Milliseconds since the Kubernetes API was last heard of; up to half a minute while nothing changes, more when it is away.",
};

/** Where a StatefulSet is named for the service, and the pod is known. */
const POD: Readonly<Record<string, JsonObject>> = {
  pod: { ...TEXT, description: "Name of the pod." },
  podUid: TEXT,
  dnsName: { ...TEXT, description: "Of the pod, while cluster DNS leads there." },
  address: { ...TEXT, description: "The first of the addresses." },
  addresses: { type: "array", items: TEXT, description: "IP addresses; none before it has one." },
  ports: {
    type: "object",
    additionalProperties: { type: "integer" },
    description: "The named ports of its containers.",
  },
  ready: { ...FLAG, description: "What its readiness probe says." },
  terminating: { ...FLAG, description: "It is being deleted." },
};

/** The owner of a key as the contract documents describe it, with the pod. */
function ownerSchema(known: JsonObject): JsonObject {
  return {
    ...known,
    description: "The pod is the owner's; while nobody owns the lane, that of the replica `ordinal`.",
    properties: { ...(known.properties as JsonObject), ...POD, discoveryAgeMs: AGE },
  };
}

/** The same without what is the same of all lanes. */
function laneSchema(known: JsonObject): JsonObject {
  const { ordinal, state, member, url, fencingToken } = known.properties as Record<string, JsonObject>;
  return {
    type: "object",
    required: ["lane", "ordinal", "state", "lag"],
    properties: {
      ...{ lane: COUNT, ordinal, state, member, url, fencingToken },
      lag: {
        type: ["integer", "null"],
        description: "Requests that are not done yet; null when the log did not say.",
      },
    },
  } as JsonObject;
}

const MEMBER: JsonObject = {
  type: "object",
  required: ["member", "state"],
  properties: {
    member: TEXT,
    state: { ...TEXT, enum: ["up", "left", "fenced"] },
    url: { ...TEXT, description: "Where it can be called directly, if it says so." },
    ...POD,
  },
};

const SHARDS: JsonObject = {
  type: "object",
  required: ["service", "epoch", "replicas", "lanes", "members"],
  properties: {
    service: TEXT,
    epoch: COUNT,
    replicas: COUNT,
    lanes: { type: "array", items: { $ref: "#/components/schemas/LaneOwner" } },
    members: {
      type: "array",
      description: "Every one there is or was.",
      items: { $ref: "#/components/schemas/Member" },
    },
    discoveryAgeMs: AGE,
  },
};

/** Of the directory, by the name of the component. @param owner as the documents of contracts have it */
export function directorySchemas(owner: JsonObject): Readonly<Record<string, JsonObject>> {
  return { Owner: ownerSchema(owner), LaneOwner: laneSchema(owner), Member: MEMBER, Shards: SHARDS };
}
