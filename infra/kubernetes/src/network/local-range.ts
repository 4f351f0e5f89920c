import { execFile, spawn, spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { promisify } from "node:util";

const run = promisify(execFile);
/** 10.200.0.0/16 to 10.254.0.0/16. */
const [FIRST, LAST] = [200, 254];

/** A /16 all of whose addresses are this machine's own ("AnyIP"), so that any of them can be listened on. */
export interface LocalRange {
  /** e.g. `10.231.0.0/16` */
  readonly cidr: string;
  /** e.g. `10.231.4.9` of (4, 9). */
  address(third: number, fourth: number): string;
  /** The route goes, also when this process ends without this. */
  release(): Promise<void>;
}

/** Whether addresses can be made local here: Linux, `ip`, and the right to administer the network. */
export function hasPodNetwork(): boolean {
  // An address for documentation, of which no other harness has the same but by chance.
  const route = ["local", `198.51.100.${randomInt(1, 255)}/32`, "dev", "lo"];
  if (spawnSync("ip", ["route", "add", ...route]).status !== 0) return false;
  spawnSync("ip", ["route", "del", ...route]);
  return true;
}

/** Takes a range that nothing here is routed to yet. Throws when there is none, or no right to it. */
export async function takeLocalRange(): Promise<LocalRange> {
  const routed = await routedPrefixes();
  let refusal: unknown = "all of them are routed";
  const count = LAST - FIRST + 1;
  const begin = randomInt(count);
  for (let step = 0; step < count; step += 1) {
    const second = FIRST + ((begin + step) % count);
    if (routed.some((prefix) => overlaps(prefix, second))) continue;
    const cidr = `10.${second}.0.0/16`;
    try {
      // Adding is what decides between two harnesses that start at once: the second one's is refused.
      await run("ip", ["route", "add", "local", cidr, "dev", "lo"]);
    } catch (error) {
      refusal = error;
      continue;
    }
    return rangeOf(cidr, second);
  }
  throw new Error(`No range of 10.${FIRST}.0.0/16 to 10.${LAST}.0.0/16 could be made local`, {
    cause: refusal,
  });
}

function rangeOf(cidr: string, second: number): LocalRange {
  // It removes the route when we close its input, or when we are no more, however we end.
  const guard = spawn("sh", ["-c", 'read -r _; exec ip route del local "$0" dev lo', cidr], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  guard.on("error", () => {});
  guard.unref();
  const gone = once(guard, "exit");
  return {
    cidr,
    address: (third, fourth) => `10.${second}.${third}.${fourth}`,
    async release() {
      guard.ref();
      guard.stdin?.end();
      await gone;
    },
  };
}

async function routedPrefixes(): Promise<string[]> {
  const { stdout } = await run("ip", ["-j", "route", "show", "table", "all"]);
  return (JSON.parse(stdout) as { dst: string }[]).map(({ dst }) => dst);
}

function overlaps(prefix: string, second: number): boolean {
  const [address = "", bits = "32"] = prefix.split("/");
  const [a, b] = address.split(".").map(Number);
  if (a !== 10 || b === undefined) return false;
  const shared = Math.min(16, Number(bits)) - 8;
  return shared <= 0 || b >> (8 - shared) === second >> (8 - shared);
}
