import type { LookupAddress } from "node:dns";
import { lookup } from "node:dns/promises";
import { isIP, type LookupFunction } from "node:net";
import ipaddr from "ipaddr.js";

/** The addresses of a name. */
export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>;

/** Where callbacks may go is known by address only: a name can be anybody's, and mean another address each time. */
export interface AddressPolicy {
  /** Default: the system's resolver. */
  readonly resolve?: Resolve;
  readonly allows: (address: string) => boolean;
}

/** A callback would have gone where none may go. */
export class ForbiddenAddress extends Error {
  constructor(hostname: string) {
    // Not the address: the message is told, and who may not go there need not learn what is there.
    super(`${hostname} is not at an address that may be called back`);
    this.name = "ForbiddenAddress";
  }
}

const GLOBAL_IPV6 = ipaddr.IPv6.parseCIDR("2000::/3");

/**
 * Whether it is an address of the Internet: not private, loopback, link-local, carrier's NAT, multicast, unspecified, reserved,
 * nor an IPv4 address that is mapped, translated or tunnelled.
 */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 0) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== "unicast") return false;
  // Outside of it nothing is assigned; `::7f00:1`, for one, is in no range that has a name.
  return parsed instanceof ipaddr.IPv4 || parsed.match(GLOBAL_IPV6);
}

/** Resolves a name for a socket and hands over only what was checked: nobody asks again between check and connection. */
export function checkedLookup({ allows, resolve = system }: AddressPolicy): LookupFunction {
  const checked = async (hostname: string): Promise<LookupAddress[]> => {
    const addresses = await resolve(hostname);
    // One forbidden address is enough: of a name that has both kinds, the socket would take either.
    if (!addresses.every(({ address }) => allows(address))) throw new ForbiddenAddress(hostname);
    if (addresses.length === 0) throw new Error(`${hostname} has no address`);
    return [...addresses];
  };
  return (hostname, { all }, callback) => {
    checked(hostname).then(
      (addresses) => {
        const { address, family } = addresses[0] as LookupAddress;
        if (all) callback(null, addresses);
        else callback(null, address, family);
      },
      (error) => callback(error, []),
    );
  };
}

/** The address that a URL names itself: no resolver is asked for it. Undefined where it has a name. */
export function addressIn({ hostname }: URL): string | undefined {
  const bare = hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
  return isIP(bare) === 0 ? undefined : bare;
}

function system(hostname: string): Promise<LookupAddress[]> {
  return lookup(hostname, { all: true });
}
