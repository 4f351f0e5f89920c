import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import { addressIn } from "../callbacks/addresses.ts";

const HOST = /^(?:\*\.)?[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$/i;
/** Where AWS has its metadata in IPv6; in IPv4, and in other clouds, it is link-local. */
const METADATA = "fd00:ec2::254";

/** Whether it is a host name, `*.` and one, an address, or a range of addresses. */
export function isHostEntry(entry: string): boolean {
  return rangeOf(entry) !== undefined || (HOST.test(entry) && !/^[0-9.]+$/.test(entry));
}

/** Where requests may be proxied to. Owners say themselves where they are: who may write on the log could name anything (SSRF). */
export class ProxyPolicy {
  readonly #hosts = new Set<string>();
  readonly #suffixes: string[] = [];
  readonly #ranges: [ipaddr.IPv4 | ipaddr.IPv6, number][] = [];

  /** @param entries none: anywhere, but where nobody may be */
  constructor(entries: readonly string[]) {
    for (const entry of entries) {
      const range = rangeOf(entry);
      if (range !== undefined) this.#ranges.push(range);
      else if (entry.startsWith("*.")) this.#suffixes.push(entry.slice(1).toLowerCase());
      else this.#hosts.add(entry.toLowerCase());
    }
  }

  /** Why nothing may be sent there; undefined where it may, by what the URL itself says. */
  faultOf(url: URL): string | undefined {
    if (url.protocol !== "http:" && url.protocol !== "https:") return "is no http(s) URL";
    if (url.username !== "" || url.password !== "") return "has a user in it";
    const address = addressIn(url);
    if (address === undefined) {
      // Of a name that is not listed the address decides, when it is looked up.
      return this.#isListed(url.hostname) || this.#ranges.length > 0 ? undefined : "is not among proxyHosts";
    }
    return this.allows(url.hostname, address) ? undefined : "is at an address that nothing is proxied to";
  }

  /** Whether a host may be reached at an address. */
  allows(hostname: string, address: string): boolean {
    const parsed = embedded(address);
    if (parsed === undefined || parsed.range() === "linkLocal" || parsed.toString() === METADATA)
      return false;
    if (this.#isListed(hostname)) return true;
    return this.#ranges.some((range) => parsed.kind() === range[0].kind() && parsed.match(range));
  }

  #isListed(hostname: string): boolean {
    if (this.#hosts.size + this.#suffixes.length + this.#ranges.length === 0) return true;
    const host = hostname.replace(/\.$/, "").toLowerCase();
    return this.#hosts.has(host) || this.#suffixes.some((suffix) => host.endsWith(suffix));
  }
}

/** The address that is really meant: IPv4 within IPv6 is reached as IPv4. */
function embedded(address: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  if (isIP(address) === 0) return undefined;
  const parsed = ipaddr.process(address);
  if (parsed instanceof ipaddr.IPv4 || parsed.range() !== "rfc6052") return parsed;
  return ipaddr.fromByteArray(parsed.toByteArray().slice(-4));
}

function rangeOf(entry: string): [ipaddr.IPv4 | ipaddr.IPv6, number] | undefined {
  const bare = entry.replace(/^\[(.*)\]$/, "$1");
  if (isIP(bare) !== 0) {
    const address = ipaddr.parse(bare);
    return [address, address.kind() === "ipv4" ? 32 : 128];
  }
  return ipaddr.isValidCIDR(entry) ? ipaddr.parseCIDR(entry) : undefined;
}
