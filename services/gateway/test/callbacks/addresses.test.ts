import type { LookupAddress } from "node:dns";
import { describe, expect, it, vi } from "vitest";
import { checkedLookup, isPublicAddress } from "../../src/callbacks/addresses.ts";
import { addresses } from "./support/settings.ts";

describe("an address of the Internet", () => {
  it.each(["1.1.1.1", "93.184.216.34", "172.15.0.1", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111"])(
    "%s is one",
    (address) => {
      expect(isPublicAddress(address)).toBe(true);
    },
  );

  it.each([
    ["private", "10.0.0.1"],
    ["private", "172.16.0.1"],
    ["private", "172.31.255.255"],
    ["private", "192.168.1.1"],
    ["loopback", "127.0.0.1"],
    ["loopback", "127.255.255.254"],
    ["link-local, where clouds keep credentials", "169.254.169.254"],
    ["of a carrier's NAT", "100.64.0.1"],
    ["multicast", "224.0.0.1"],
    ["broadcast", "255.255.255.255"],
    ["unspecified", "0.0.0.0"],
    ["of this network", "0.1.2.3"],
    ["for documentation", "203.0.113.1"],
    ["for benchmarks", "198.18.0.1"],
    ["reserved", "240.0.0.1"],
    ["loopback", "::1"],
    ["unspecified", "::"],
    ["unique local", "fd00::1"],
    ["link-local", "fe80::1"],
    ["link-local with a zone", "fe80::1%eth0"],
    ["site-local", "fec0::1"],
    ["multicast", "ff02::1"],
    ["IPv4-mapped", "::ffff:127.0.0.1"],
    ["IPv4-mapped and public", "::ffff:1.1.1.1"],
    ["IPv4-mapped in hex", "::ffff:7f00:1"],
    ["IPv4-compatible", "::127.0.0.1"],
    ["IPv4-compatible in hex", "::7f00:1"],
    ["translated, stateless", "::ffff:0:127.0.0.1"],
    ["translated by NAT64", "64:ff9b::7f00:1"],
    ["tunnelled by 6to4", "2002:7f00:1::"],
    ["tunnelled by Teredo", "2001:0:7f00:1::"],
    ["for documentation", "2001:db8::1"],
    ["not assigned", "4000::1"],
    ["a name", "localhost"],
    ["decimal, as no resolver says it", "2130706433"],
    ["nothing", ""],
  ])("%s is none: %s", (_, address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});

describe("a name that is resolved for a socket", () => {
  const look = (found: LookupAddress[] | Error, all: boolean) => {
    const resolve = vi.fn(async () => {
      if (found instanceof Error) throw found;
      return found;
    });
    const lookup = checkedLookup({ resolve, allows: isPublicAddress });
    return new Promise<unknown[]>((done) => {
      lookup("api.example.com", { all }, (...args) => done(args));
    });
  };

  it("gives the addresses that were checked, all or the first", async () => {
    const found = addresses("1.1.1.1", "2606:4700::1");
    expect(await look(found, true)).toEqual([null, found]);
    expect(await look(found, false)).toEqual([null, "1.1.1.1", 4]);
  });

  it.each([[["10.0.0.1"]], [["1.1.1.1", "10.0.0.1"]], [["::ffff:10.0.0.1", "1.1.1.1"]]])(
    "is refused with %j, without saying what is there",
    async (found) => {
      for (const all of [true, false]) {
        const [error] = await look(addresses(...found), all);
        expect(error).toMatchObject({ name: "ForbiddenAddress" });
        expect(String(error)).not.toMatch(/10\.0/);
      }
    },
  );

  it("fails with what the resolver fails with, and where it finds nothing", async () => {
    const away = new Error("ENOTFOUND");
    expect((await look(away, true))[0]).toBe(away);
    expect((await look([], true))[0]).toMatchObject({ message: "api.example.com has no address" });
  });
});
