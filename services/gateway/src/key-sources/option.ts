import { isServiceName } from "@shardcast/protocol";
import { z } from "zod";
import type { KeySource } from "./key-source.ts";

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const POINTER = /^(?:\/(?:[^~/]|~[01])*)*$/;
const MAX_SEGMENT = 100;

const COOKIE_NAME = HEADER_NAME;

const ofRequests = [
  z.strictObject({
    from: z.literal("header"),
    name: z.string().regex(HEADER_NAME, "not the name of a header").toLowerCase(),
  }),
  z.strictObject({ from: z.literal("path"), segment: z.number().int().min(1).max(MAX_SEGMENT) }),
  z.strictObject({ from: z.literal("query"), name: z.string().min(1) }),
  z.strictObject({
    from: z.literal("json"),
    pointer: z.string().regex(POINTER, "not a JSON pointer, e.g. /order/accountId"),
  }),
  z.strictObject({ from: z.literal("jwt"), claim: z.string().min(1) }),
  z.strictObject({
    from: z.literal("cookie"),
    name: z.string().regex(COOKIE_NAME, "not the name of a cookie"),
  }),
] as const;

const source: z.ZodType<KeySource> = z.discriminatedUnion("from", ofRequests);

/** Where a rule of the proxy may find a key. */
export const ruleKeySource: z.ZodType<KeySource> = z.preprocess(
  (value, context) => {
    if (typeof value !== "string") return value;
    if (value === "client") return { from: "client" };
    const [, from, what = ""] = TEXT.exec(value) ?? [];
    if (from !== undefined) return parsed(from as TextSource, what);
    const message = `${JSON.stringify(value)} is not client, header:NAME, path:SEGMENT, query:NAME, json:POINTER, jwt:CLAIM or cookie:NAME`;
    context.addIssue({ code: "custom", message, input: value });
    return z.NEVER;
  },
  z.discriminatedUnion("from", [...ofRequests, z.strictObject({ from: z.literal("client") })]),
);

const sources = z.record(
  z.string().refine(isServiceName, "a service is named by a DNS label: lower-case letters, digits and '-'"),
  source,
);

/**
 * The key sources by service, from code as a record, or as text: `service=header:NAME`, `path:SEGMENT`, `query:NAME`,
 * `json:POINTER`, `jwt:CLAIM` or `cookie:NAME`, separated by commas.
 */
export const keySourcesOption = z.preprocess((value, context) => {
  if (typeof value !== "string") return value;
  const named: Record<string, unknown> = {};
  for (const item of value.split(",").map((each) => each.trim())) {
    if (item === "") continue;
    const [, service = "", from, what = ""] = ITEM.exec(item) ?? [];
    const fault =
      from === undefined
        ? `${JSON.stringify(item)} is not service=header:NAME, path:SEGMENT, query:NAME, json:POINTER, jwt:CLAIM or cookie:NAME`
        : Object.hasOwn(named, service) && `${service} is named twice`;
    if (fault) context.addIssue({ code: "custom", message: fault, input: value });
    else named[service] = parsed(from as TextSource, what);
  }
  return named;
}, sources);

/** A source of a service that is not served would never be used. */
export function checkKeySources(
  context: z.core.ParsePayload<{ services: object; keySources: object }>,
): void {
  const { services, keySources } = context.value;
  for (const service of Object.keys(keySources)) {
    if (Object.hasOwn(services, service)) continue;
    const message = "this gateway does not serve it";
    context.issues.push({ code: "custom", message, path: ["keySources", service], input: keySources });
  }
}

const ITEM = /^([^=:]+)=(header|path|query|json|jwt|cookie):(.+)$/;

const TEXT = /^(header|path|query|json|jwt|cookie):(.+)$/;

type TextSource = Exclude<KeySource["from"], "client">;

function parsed(from: TextSource, what: string): unknown {
  switch (from) {
    case "header":
    case "query":
    case "cookie":
      return { from, name: what };
    case "path":
      return { from, segment: Number(what) };
    case "json":
      return { from, pointer: what };
    case "jwt":
      return { from, claim: what };
  }
}
