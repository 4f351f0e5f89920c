import { isServiceName } from "@shardcast/protocol";
import { parse } from "yaml";
import { z } from "zod";
import { ruleKeySource } from "../../key-sources/option.ts";

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const MAX_TIMER_MS = 2 ** 31 - 1;

const path = z.string().startsWith("/", "begins with a slash");
const pathMatch = z.preprocess(
  (value) => (typeof value === "string" ? { exact: value } : value),
  z
    .strictObject({
      exact: path.exactOptional(),
      prefix: path.exactOptional(),
      pattern: z.string().refine(isPattern, "not a regular expression").exactOptional(),
    })
    .refine((ways) => Object.keys(ways).length === 1, "one of exact, prefix and pattern"),
);

const oneOrMore = <T extends z.ZodType<string>>(text: T) =>
  z.preprocess((value) => (typeof value === "string" ? [value] : value), z.array(text).min(1));

const match = z.strictObject({
  /** As text: exactly. A prefix ends at a border of segments; a pattern is one of JavaScript, and begins where the path does. */
  path: pathMatch.exactOptional(),
  /** Without a port. `*.example.com` is any name below it. */
  host: oneOrMore(z.string().min(1)).exactOptional(),
  methods: oneOrMore(z.string().regex(METHOD, "not a method")).exactOptional(),
  /** All of them, `*` for any value. */
  headers: z.record(z.string().regex(HEADER_NAME, "not the name of a header"), z.string()).exactOptional(),
});

const backendUrl = z.url({ protocol: /^https?$/, error: "not an http(s) URL" }).refine((text) => {
  const url = new URL(text);
  return url.username === "" && url.search === "" && url.hash === "";
}, "a backend's URL has no user, query or fragment");

/** One, several in order, or by name. */
const backends = z.preprocess(
  (value) => {
    if (typeof value === "string") return { 0: value };
    return Array.isArray(value) ? Object.fromEntries(value.entries()) : value;
  },
  z
    .record(z.string().min(1), backendUrl)
    .refine((named) => Object.keys(named).length > 0, "at least one backend is needed"),
);

const bound = z.union([z.number(), z.string()]);
const range = z
  .strictObject({ from: bound.exactOptional(), to: bound.exactOptional(), backend: z.string().min(1) })
  .refine(({ from, to }) => from === undefined || to === undefined || typeof from === typeof to, {
    message: "from and to: both numbers, or both texts",
  });

const STRATEGIES = ["lanes", "modulo", "lookup", "prefix", "range", "hashring", "none"] as const;

const rule = z
  .strictObject({
    name: z.string().min(1).exactOptional(),
    match: match.default({}),
    service: z
      .string()
      .refine(isServiceName, "a service is named by a DNS label: lower-case letters, digits and '-'")
      .exactOptional(),
    backends: backends.exactOptional(),
    key: ruleKeySource.exactOptional(),
    strategy: z.enum(STRATEGIES).exactOptional(),
    /** Of `lookup` and `prefix`: key, or its beginning, to the backend, or the member of the service. */
    table: z.record(z.string(), z.string()).exactOptional(),
    /** Of `prefix`: what ends it, and belongs to it. Without one the longest entry of the table that a key begins with counts. */
    separator: z.string().min(1).exactOptional(),
    /** Of `range`: from included, to excluded. */
    ranges: z.array(range).min(1).exactOptional(),
    /** Where keys go that the strategy knows nothing of. */
    default: z.string().min(1).exactOptional(),
    /** Taken off the path's beginning. */
    stripPrefix: z.string().startsWith("/").exactOptional(),
    timeoutMs: z.number().int().min(1).max(MAX_TIMER_MS).exactOptional(),
  })
  .check(checkRule);

/** One rule of the proxy: which requests it is about, and where each of them goes. */
export type ProxyRule = z.infer<typeof rule>;

const rules = z.array(rule);

/** From code, as text, or the path of a file; or as they were resolved before. */
export type RulesOption = readonly z.input<typeof rule>[] | string | RulesSetting;

export type RulesSetting =
  | { readonly kind: "rules"; readonly rules: readonly ProxyRule[] }
  | { readonly kind: "file"; readonly path: string };

/** What looks like YAML or JSON and not like a path. */
const INLINE = /\n|^\s*[[{-]/;

/** Rules from code, or as text; text that is none is the path of a file. */
export const proxyRulesOption = z.unknown().transform((value, context): RulesSetting => {
  if (typeof value === "object" && value !== null && "kind" in value) return value as RulesSetting;
  if (typeof value === "string" && !INLINE.test(value)) return { kind: "file", path: value };
  try {
    return { kind: "rules", rules: rulesOf(typeof value === "string" ? documentOf(value) : value) };
  } catch (error) {
    context.issues.push({ code: "custom", message: (error as Error).message, input: value });
    return z.NEVER;
  }
});

/**
 * The rules of a file's text.
 *
 * @throws {Error} that says which rule is wrong, and how
 */
export function parseRules(text: string): readonly ProxyRule[] {
  return rulesOf(documentOf(text));
}

function rulesOf(document: unknown): readonly ProxyRule[] {
  const parsed = rules.safeParse(document);
  if (parsed.success) return parsed.data;
  throw new Error(parsed.error.issues.map(({ path, message }) => `${placeOf(path)}: ${message}`).join("; "));
}

/** A list of rules, or one under `rules`. */
function documentOf(text: string): unknown {
  // Aliases could make a small file a large one.
  const document: unknown = parse(text, { maxAliasCount: 0 }) ?? [];
  return typeof document === "object" && document !== null && "rules" in document ? document.rules : document;
}

function placeOf([index, ...rest]: readonly PropertyKey[]): string {
  return index === undefined ? "rules" : [`rule ${Number(index) + 1}`, ...rest.map(String)].join(".");
}

function isPattern(text: string): boolean {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
}

/** What of a rule belongs together. */
function checkRule({
  value,
  issues,
}: z.core.ParsePayload<z.input<typeof rule> & { backends?: object }>): void {
  const refuse = (message: string, ...path: string[]) =>
    issues.push({ code: "custom", message, path, input: value });
  const { service, strategy = "lanes", key, table, ranges, separator, default: fallback } = value;
  const named = value.backends === undefined ? undefined : Object.keys(value.backends);
  if ((service === undefined) === (named === undefined))
    refuse("needs either a service or backends", "service");
  if (strategy === "lanes" && service === undefined) refuse("lanes are a service's", "strategy");
  if (strategy === "hashring" && named === undefined)
    refuse("needs backends; of a service, lanes do it", "strategy");
  if (strategy === "none" && named?.length !== 1) refuse("needs exactly one backend", "backends");
  if (strategy !== "none" && key === undefined) refuse(`${strategy} needs a key`, "key");
  if (strategy === "lookup" && table === undefined && named === undefined) refuse("is needed", "table");
  if (strategy === "prefix" && table === undefined && named === undefined) refuse("is needed", "table");
  if (strategy === "range" && ranges === undefined) refuse("are needed", "ranges");
  if (separator !== undefined && strategy !== "prefix") refuse("is for prefix", "separator");
  if (table !== undefined && strategy !== "lookup" && strategy !== "prefix")
    refuse("is for lookup and prefix", "table");
  if (ranges !== undefined && strategy !== "range") refuse("are for range", "ranges");
  // Of a service they name members, which come and go.
  if (named === undefined) return;
  const meant = [...Object.values(table ?? {}), ...(ranges ?? []).map(({ backend }) => backend)];
  for (const backend of [...meant, ...(fallback === undefined ? [] : [fallback])])
    if (!named.includes(backend)) refuse(`there is no backend ${backend}`, "backends");
}
