import { flag, isServiceName, textList, wholeNumber } from "@shardcast/protocol";
import { z } from "zod";
import { isHostEntry } from "./policy.ts";
import { type ProxyRule, proxyRulesOption, type RulesOption } from "./rules/schema.ts";

const MAX_TIMER_MS = 2 ** 31 - 1;

const serviceNames = textList().pipe(
  z.array(
    z.string().refine(isServiceName, "true, false, or names of services: lower-case letters, digits and '-'"),
  ),
);

/** The gateway's options about the proxy, for its schema. */
export const proxyShape = {
  proxy: z.union([flag(), serviceNames]).default(false),
  proxyRules: proxyRulesOption.exactOptional(),
  proxyHosts: textList()
    .pipe(
      z.array(
        z
          .string()
          .refine(
            isHostEntry,
            "a host is api.example.com, *.example.com, an address, or a range as 10.0.0.0/8",
          ),
      ),
    )
    .default([]),
  proxyTimeoutMs: wholeNumber(1, MAX_TIMER_MS).default(30_000),
  proxyIdleTimeoutMs: wholeNumber(1, MAX_TIMER_MS).default(300_000),
  proxyConnectTimeoutMs: wholeNumber(1, MAX_TIMER_MS).default(2_000),
  proxyHoldMs: wholeNumber(0, MAX_TIMER_MS).default(5_000),
  maxProxyHeld: wholeNumber(0).default(1_000),
  proxyConnections: wholeNumber(1, 65_535).default(256),
  proxyTrustedProxies: wholeNumber(0, 100).default(0),
};

const schema = z.object(proxyShape);

/** As they are when resolved. */
export type ProxySettings = z.infer<typeof schema>;

/** Environment variables that fill what the options leave out. */
export const PROXY_ENV = {
  proxy: "SHARDCAST_PROXY",
  proxyRules: "SHARDCAST_PROXY_RULES",
  proxyHosts: "SHARDCAST_PROXY_HOSTS",
  proxyTimeoutMs: "SHARDCAST_PROXY_TIMEOUT_MS",
  proxyIdleTimeoutMs: "SHARDCAST_PROXY_IDLE_TIMEOUT_MS",
  proxyConnectTimeoutMs: "SHARDCAST_PROXY_CONNECT_TIMEOUT_MS",
  proxyHoldMs: "SHARDCAST_PROXY_HOLD_MS",
  maxProxyHeld: "SHARDCAST_MAX_PROXY_HELD",
  proxyConnections: "SHARDCAST_PROXY_CONNECTIONS",
  proxyTrustedProxies: "SHARDCAST_PROXY_TRUSTED_PROXIES",
} as const;

/** Options about requests that go straight to the owner, over HTTP and past the log. */
export interface ProxyOptions {
  /**
   * Whether `/v1/{service}/proxy/{key}/…` goes to the `url` that the owner of the key announces; of all services, or of those that are
   * named. What goes this way is on no log: it is neither ordered nor fenced nor sent again (C1 to C3 are not promised). Default false.
   */
  readonly proxy?: boolean | readonly string[] | string;
  /**
   * Rules by which requests to any other path find their service and key, or one of the backends that the rule names. Rules from
   * code; or as text their YAML or JSON, or the path of a file with them, which is looked at every second: a bad new one changes nothing.
   * Default none.
   */
  readonly proxyRules?: RulesOption;
  /**
   * Where owners may be: `api.example.com`, `*.example.com` for all names below it, an address, or a range as `10.0.0.0/8`. Default
   * anywhere but link-local addresses, where clouds keep their credentials; there nobody may ever be.
   */
  readonly proxyHosts?: readonly string[];
  /** From sending a request to the head of its answer; over it 504. Default 30,000. */
  readonly proxyTimeoutMs?: number;
  /** Longest silence within an answer's body; over it the answer is cut. Default 300,000. */
  readonly proxyIdleTimeoutMs?: number;
  /** For one connection to an owner. Default 2,000. */
  readonly proxyConnectTimeoutMs?: number;
  /** How long a request waits while its key has no owner that can be reached; over it 503. Default 5,000. */
  readonly proxyHoldMs?: number;
  /** Requests that may wait so at once; over it 503 (C7). Default 1,000. */
  readonly maxProxyHeld?: number;
  /** Connections to one owner at once, for reads and for all else each; what is more waits for one of them. Default 256. */
  readonly proxyConnections?: number;
  /**
   * Proxies in front of the gateway that can be believed, as many as every request passes. With 0 the caller is who connects, and
   * what he says in `Forwarded` and `X-Forwarded-…` is dropped. Default 0.
   */
  readonly proxyTrustedProxies?: number;
}

/** What no option can tell alone; for `check` of the gateway's schema. */
export function checkProxy({
  value,
  issues,
}: z.core.ParsePayload<ProxySettings & { services: Readonly<Record<string, unknown>> }>): void {
  const { proxy, proxyRules, services } = value;
  const named = Array.isArray(proxy) ? proxy : [];
  for (const service of named) {
    if (Object.hasOwn(services, service)) continue;
    const message = `${service}: this gateway does not serve it`;
    issues.push({ code: "custom", message, path: ["proxy"], input: proxy });
  }
  if (proxyRules?.kind !== "rules") return;
  for (const message of unserved(proxyRules.rules, services))
    issues.push({ code: "custom", message, path: ["proxyRules"], input: proxyRules });
}

/** What is wrong with rules for services that the gateway does not serve. */
export function unserved(
  rules: readonly ProxyRule[],
  services: Readonly<Record<string, unknown>>,
): readonly string[] {
  return rules.flatMap(({ service }, index) =>
    service === undefined || Object.hasOwn(services, service)
      ? []
      : [`rule ${index + 1}: this gateway does not serve ${service}`],
  );
}
