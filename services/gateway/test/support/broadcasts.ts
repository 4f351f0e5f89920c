import { createMemoryLog, type MemoryCluster } from "@shardcast/log/memory";
import {
  ackPartitionOf,
  type BroadcastEnvelope,
  type BroadcastStatusJson,
  decodeBroadcast,
  encodeAck,
} from "@shardcast/protocol";
import { onTestFinished } from "vitest";
import type { Gateway } from "../../src/index.ts";
import { SERVICE, startGateway } from "./gateway.ts";
import { type Answer, type CallOptions, call } from "./http.ts";

export const PATH = `/v1/${SERVICE}/broadcasts`;
export const get = { method: "GET" };

/** A gateway that is ready, and members 0, 1 and 2, whose words are written by hand. */
export async function startMembers(options: Parameters<typeof startGateway>[0] = {}) {
  const started = await startGateway(options);
  await started.gateway.ready;
  return { ...started, ...membersOf(started.cluster) };
}

/** What members say, and what came for them. */
export function membersOf(cluster: MemoryCluster) {
  const log = createMemoryLog({ cluster });
  onTestFinished(() => log.close());

  function say(id: string, word: ReturnType<typeof encodeAck>): Promise<unknown> {
    return log.append({ topic: `${SERVICE}.acks`, partition: ackPartitionOf(id) as number, ...word });
  }

  const said = (id: string, member: string) => ({
    ...{ id, atMs: 1_700_000_000_000, attempt: 1 },
    author: { member, token: 1 },
  });

  return {
    ack: (id: string, member: string, body: Buffer | string = `done by ${member}`) =>
      say(
        id,
        encodeAck({
          ...said(id, member),
          ...{ kind: "acked", status: 200, contentType: "text/plain", headers: { "x-a": "1" } },
          body: Buffer.from(body),
        }),
      ),
    run: (id: string, member: string) => say(id, encodeAck({ ...said(id, member), kind: "running" })),
    fail: (id: string, member: string, reason = "no luck") =>
      say(
        id,
        encodeAck({ ...said(id, member), kind: "failed", code: "SHARDCAST_ATTEMPTS_EXHAUSTED", reason }),
      ),
    /** The broadcasts on the log. */
    came: (): readonly BroadcastEnvelope[] =>
      (cluster.partition(`${SERVICE}.broadcast`, 0)?.read(0, 1_000) ?? []).flatMap((record) => {
        const decoded = decodeBroadcast(record, SERVICE);
        return decoded.kind === "broadcast" ? [decoded.broadcast] : [];
      }),
  };
}

export function statusOf({ headers, body }: Answer): BroadcastStatusJson {
  if (headers["content-type"] !== "application/json") throw new Error(`not a status: ${body}`);
  return JSON.parse(body.toString());
}

/** Its id. */
export async function broadcast(gateway: Gateway, query = "", options: CallOptions = {}): Promise<string> {
  const answer = await call(gateway, `${PATH}${query}`, { body: "hi", ...options });
  if (answer.status !== 202) throw new Error(`${answer.status} ${answer.body}`);
  return statusOf(answer).id;
}

/** How it stands, for a gateway that may not have read of it yet. */
export async function stateOf(gateway: Gateway, id: string): Promise<readonly string[]> {
  const answer = await call(gateway, `${PATH}/${id}`, get);
  return answer.status === 200 ? statusOf(answer).members.map(({ state }) => state) : [];
}
