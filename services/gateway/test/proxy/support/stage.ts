import type { Log } from "@shardcast/log";
import { murmur2Lane } from "@shardcast/routing";
import type { GatewayOptions } from "../../../src/index.ts";
import { forgedMember, writeControl } from "../../support/control.ts";
import { LANES, SERVICE, startGateway } from "../../support/gateway.ts";

export const KEY = "carol";
export const LANE = murmur2Lane(KEY, LANES);
export const GET = { method: "GET" };
export const at = (rest = "", key = KEY) => `/v1/${SERVICE}/proxy/${key}${rest}`;

/** A gateway that proxies, and is ready. */
export async function startProxying(options: Partial<GatewayOptions> = {}) {
  const started = await startGateway({ proxy: true, ...options });
  await started.gateway.ready;
  return { ...started, members: membersIn(started.log) };
}

/** What members say on the log of themselves and of lanes, by hand. */
export function membersIn(log: Log) {
  const write = (member: string, ...records: Parameters<typeof writeControl>[3]) =>
    writeControl(log, SERVICE, member, records);
  return {
    /** A member takes lanes, and says where it listens. Resolves to the fencing token of the last. */
    async own(member: string, url: string, lanes: readonly number[] = [LANE]): Promise<number> {
      const forged = forgedMember(member, url);
      const records = [forged.up(), ...lanes.map((lane) => forged.owned(lane))];
      return (await write(member, ...records)).at(-1) as number;
    },
    async release(member: string, lane: number = LANE): Promise<void> {
      await write(member, forgedMember(member, "").released(lane));
    },
  };
}
