import { flag, parseAck } from "@shardcast/protocol";
import { z } from "zod";
import { duration } from "./duration.ts";
import type { Settings } from "./setting.ts";

const MAX_ACKS = 10_000;
const DEFAULT_GATEWAY = "http://127.0.0.1:8080";
/** What the gateway reads has at most nine digits of seconds. */
const MAX_DEADLINE_MS = 999_999_999_000;

/** A call of every command is told where the gateway is, and how to speak. */
export const GLOBAL = {
  gateway: {
    schema: z
      .string()
      .refine(
        (text) => URL.canParse(text) && /^https?:/i.test(text),
        "a URL that begins with http:// or https://",
      )
      .default(DEFAULT_GATEWAY),
    describe: `URL of the gateway (${DEFAULT_GATEWAY})`,
    env: ["SHARDCAST_GATEWAY"],
    inFile: true,
  },
  config: {
    schema: z.string().min(1).optional(),
    describe: "configuration file (./.shardcast.json, else ~/.config/shardcast/config.json)",
    env: ["SHARDCAST_CONFIG"],
  },
  json: {
    schema: flag().default(false),
    describe: "JSON on standard output: one object a line",
    kind: "switch",
    env: ["SHARDCAST_JSON"],
    inFile: true,
  },
} as const satisfies Settings;

/** Of everything that sends a broadcast. */
export const BROADCASTING = {
  ack: {
    schema: z
      .union([z.string(), z.number().transform(String)])
      .transform((text) => parseAck(text))
      .refine((ack) => ack !== undefined, `all, quorum, none, or a number from 1 to ${MAX_ACKS}`)
      .transform((ack) => (ack.kind === "count" ? ack.count : ack.kind))
      .refine((ack) => typeof ack === "string" || ack <= MAX_ACKS, `at most ${MAX_ACKS}`)
      .default("all"),
    describe: "who must acknowledge: all, quorum, none, or a number of members (all)",
    env: ["SHARDCAST_ACK"],
    inFile: true,
  },
  ttl: {
    schema: duration(MAX_DEADLINE_MS).optional(),
    describe: "no member begins later than this; one that is down may catch up until then (1h)",
    env: ["SHARDCAST_TTL"],
    inFile: true,
  },
  wait: {
    schema: duration().default(60_000),
    describe: "how long to wait for the verdict: 500ms, 60s, 1h (60s)",
    env: ["SHARDCAST_WAIT"],
    inFile: true,
  },
} as const satisfies Settings;

/** Of everything that sends a keyed request. */
export const REQUESTING = {
  timeout: {
    schema: duration().optional(),
    describe: "no handler starts later than this",
    env: ["SHARDCAST_TIMEOUT"],
    inFile: true,
  },
} as const satisfies Settings;

/** All that a configuration file may say. */
export const IN_FILE: Settings = { ...GLOBAL, ...BROADCASTING, ...REQUESTING };
