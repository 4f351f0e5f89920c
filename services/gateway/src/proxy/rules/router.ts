import { ShardcastError } from "@shardcast/protocol";
import type { FastifyRequest } from "fastify";
import { findKey } from "../../key-sources/find-key.ts";
import { sourceText } from "../../key-sources/key-source.ts";
import type { Destination } from "../destination.ts";
import { noOwner } from "../holds.ts";
import type { AllLanes, Lanes } from "../lanes.ts";
import type { Upstreams } from "../upstream.ts";
import { matcherOf } from "./match.ts";
import type { ProxyRule } from "./schema.ts";
import { type Choose, chooserOf } from "./strategies.ts";

/** A rule, ready to be asked. */
export interface CompiledRule {
  readonly rule: ProxyRule;
  readonly matches: ReturnType<typeof matcherOf>;
  readonly choose: Choose;
  /** In the order of their names, numbers by value. */
  readonly names: readonly string[];
}

export interface RouterParts {
  readonly lanes: AllLanes;
  readonly upstreams: Upstreams;
  readonly trustedProxies: number;
}

const byName = new Intl.Collator("en", { numeric: true });

/** The rules that count now: the first that is about a request says where it goes. */
export class RuleRouter {
  readonly #parts: RouterParts;
  #rules: readonly CompiledRule[] = [];

  constructor(parts: RouterParts) {
    this.#parts = parts;
  }

  set(rules: readonly ProxyRule[]): void {
    this.#rules = rules.map((rule) => ({
      rule,
      matches: matcherOf(rule),
      choose: chooserOf(rule),
      names: Object.keys(rule.backends ?? {}).sort(byName.compare),
    }));
  }

  /** The rule that a request falls under. */
  find({ raw }: FastifyRequest, path: string): CompiledRule | undefined {
    for (const compiled of this.#rules) if (compiled.matches({ raw, path })) return compiled;
    return undefined;
  }

  /**
   * Where a request goes by its rule.
   *
   * @param body where the key is in the body
   * @throws {ShardcastError} SHARDCAST_INVALID_KEY, SHARDCAST_NO_OWNER for a key that the rule has no backend for; as `AllLanes.open`
   */
  destinationOf(
    compiled: CompiledRule,
    request: FastifyRequest,
    path: string,
    body: Buffer | undefined,
  ): Destination | Promise<Destination> {
    const { rule } = compiled;
    const key = this.#keyOf(rule, request, path, body);
    const { service } = rule;
    if (service === undefined) return this.#backend(compiled, key);
    const lanes = this.#parts.lanes.known(service);
    if (lanes === undefined)
      return this.#parts.lanes.open(service).then((opened) => ownerIn(opened, compiled, key));
    return ownerIn(lanes, compiled, key);
  }

  #keyOf(
    { key: source }: ProxyRule,
    request: FastifyRequest,
    path: string,
    body: Buffer | undefined,
  ): string {
    if (source === undefined) return "";
    const { trustedProxies } = this.#parts;
    const segments = source.from === "path" ? path.slice(1).split("/").map(decoded) : [];
    const key = findKey(source, { request, segments, body, trustedProxies });
    if (key !== undefined) return key;
    throw new ShardcastError("SHARDCAST_INVALID_KEY", `key: ${sourceText(source)}: has no key`);
  }

  #backend({ rule, choose, names }: CompiledRule, key: string): Destination {
    const name = choose(key, names);
    const url = name === undefined ? undefined : rule.backends?.[name];
    if (url === undefined) throw nowhere(rule);
    const upstream = this.#parts.upstreams.at(url);
    return {
      find: () =>
        upstream instanceof ShardcastError
          ? { kind: "never", error: upstream }
          : { kind: "there", target: { upstream, headers: [] } },
    };
  }
}

function ownerIn(lanes: Lanes, { rule, choose }: CompiledRule, key: string): Destination {
  if ((rule.strategy ?? "lanes") === "lanes") return lanes.ownerOf(key);
  const member = choose(key, rule.strategy === "modulo" ? lanes.members : []);
  if (member === undefined) throw nowhere(rule);
  return lanes.memberOf(member, key);
}

function nowhere({ name = "the rule" }: ProxyRule): ShardcastError {
  return noOwner(`${name} has no backend for this key`);
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new ShardcastError("SHARDCAST_INVALID_REQUEST", "the path is not percent-encoded UTF-8");
  }
}
