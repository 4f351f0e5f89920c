import { ShardcastError } from "@shardcast/protocol";
import type { ProxyPolicy } from "./policy.ts";

/** One place that requests are proxied to, looked at and found allowed. */
export interface Upstream {
  readonly url: URL;
  readonly origin: string;
  /** Of its URL, without the slash at the end; put before each path. */
  readonly basePath: string;
}

/** More URLs than members and backends ever are; then the list begins anew. */
const MOST = 10_000;

/** The upstreams by URL, each checked once. */
export class Upstreams {
  readonly #policy: ProxyPolicy;
  readonly #known = new Map<string, Upstream | ShardcastError>();

  constructor(policy: ProxyPolicy) {
    this.#policy = policy;
  }

  /** The upstream, or why nothing is sent there. */
  at(text: string): Upstream | ShardcastError {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    if (this.#known.size >= MOST) this.#known.clear();
    const found = this.#look(text);
    this.#known.set(text, found);
    return found;
  }

  #look(text: string): Upstream | ShardcastError {
    const url = URL.parse(text);
    const fault = url === null ? "is no URL" : this.#policy.faultOf(url);
    if (url === null || fault !== undefined) {
      const where = url?.host ?? "what its owner announces";
      return new ShardcastError("SHARDCAST_UPSTREAM_FAILED", `nothing is proxied to ${where}: it ${fault}`);
    }
    return { url, origin: url.origin, basePath: url.pathname.replace(/\/+$/, "") };
  }
}
