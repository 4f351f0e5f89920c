import type { IncomingMessage } from "node:http";
import type { ProxyRule } from "./schema.ts";

/** What of a request rules look at. */
export interface Matched {
  readonly raw: IncomingMessage;
  /** As it was sent, without the query. */
  readonly path: string;
}

type Test = (request: Matched) => boolean;

/** Whether a rule is about a request; compiled once, because it is asked for each request. */
export function matcherOf({ match: { path, host, methods, headers } }: ProxyRule): Test {
  const tests: Test[] = [];
  if (methods !== undefined) {
    const wanted = new Set(methods.map((method) => method.toUpperCase()));
    tests.push(({ raw }) => wanted.has(raw.method ?? ""));
  }
  if (path !== undefined) tests.push(pathTest(path));
  if (host !== undefined) tests.push(hostTest(host));
  for (const [name, value] of Object.entries(headers ?? {})) {
    const lower = name.toLowerCase();
    tests.push(({ raw }) => {
      // Hidden from Fastify, see `readHead`.
      const sent = raw.headersDistinct[lower];
      return sent !== undefined && (value === "*" || sent.includes(value));
    });
  }
  return (request) => tests.every((test) => test(request));
}

function pathTest({ exact, prefix, pattern }: NonNullable<ProxyRule["match"]["path"]>): Test {
  if (exact !== undefined) return ({ path }) => path === exact;
  if (prefix !== undefined) {
    const bare = prefix.replace(/\/$/, "");
    return ({ path }) => path === bare || path.startsWith(`${bare}/`);
  }
  const compiled = new RegExp(`^(?:${pattern})`);
  return ({ path }) => compiled.test(path);
}

function hostTest(hosts: readonly string[]): Test {
  const exact = new Set(hosts.map((host) => host.toLowerCase()));
  const suffixes = [...exact].filter((host) => host.startsWith("*.")).map((host) => host.slice(1));
  return ({ raw }) => {
    const host = (raw.headers.host ?? "").toLowerCase().replace(/:[0-9]*$/, "");
    return exact.has(host) || suffixes.some((suffix) => host.endsWith(suffix));
  };
}
