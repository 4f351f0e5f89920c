import { writeFileSync } from "node:fs";
import type { BroadcastStatusJson } from "@shardcast/protocol";
import { expect, inject, test } from "vitest";
import { SERVICE, startCluster } from "./support/cluster.ts";
import { gateOf, readEffects, type Told, toldFile } from "./support/effects.ts";
import type { HttpClient } from "./support/http.ts";

const PATH = `/v1/${SERVICE}/broadcasts`;
const statusOf = ({ body }: { readonly body: string }) => JSON.parse(body) as BroadcastStatusJson;
const statesOf = ({ members }: BroadcastStatusJson) =>
  Object.fromEntries(members.map(({ member, state }) => [member, state]));

async function ask(http: HttpClient, id: string, query = ""): Promise<BroadcastStatusJson> {
  const answer = await http.get(`${PATH}/${id}${query}`);
  expect(answer.status, answer.body).toBe(200);
  return statusOf(answer);
}

test("a member that was down for all of it acts when it is back, the gateway that took it being gone, and another one says so (C6)", async () => {
  const cluster = await startCluster({ brokers: inject("kafkaBrokers"), gateways: 2 });
  const [first, second] = cluster.gateways;
  const acts = () =>
    readEffects<Told>(toldFile(cluster.effectsFile)).filter(({ event }) => event === "acted");
  const victim = cluster.workers[2];
  victim?.kill("SIGKILL");
  await victim?.exited;

  const taken = await first?.http.post(`${PATH}?handler=note&ack=all`, "rates");
  expect(taken?.status, taken?.body).toBe(202);
  const { id } = statusOf(taken as { body: string });
  expect(taken?.headers.location).toBe(`${PATH}/${id}`);
  await expect
    .poll(async () => statesOf(await ask(second?.http as HttpClient, id)), { timeout: 20_000 })
    .toEqual({ 0: "acked", 1: "acked", 2: "waiting" });
  first?.program.kill("SIGKILL");
  await first?.program.exited;

  const back = await cluster.startWorker(2);
  const status = await ask(second?.http as HttpClient, id, "?wait=30");
  expect(status).toMatchObject({ verdict: "satisfied", reason: "all-answered", partial: false });
  expect(statesOf(status)).toEqual({ 0: "acked", 1: "acked", 2: "acked" });
  expect(
    acts()
      .map(({ member }) => member)
      .sort(),
  ).toEqual(["0", "1", "2"]);
  expect(acts().find(({ member }) => member === "2")).toMatchObject({ id, text: "rates", pid: back.pid });

  // One that was not there at all, and says the same.
  await cluster.startGateway(0);
  expect(await ask(cluster.gateways[0]?.http as HttpClient, id)).toEqual(status);
}, 120_000);

test("what a process says that another one has replaced does not count: the member has acted when the living one has (C6)", async () => {
  const cluster = await startCluster({ brokers: inject("kafkaBrokers") });
  const { http, effectsFile } = cluster;
  const told = () => readEffects<Told>(toldFile(effectsFile));
  const zombie = cluster.workers[1];
  const taken = await http.post(`${PATH}?handler=note&ack=all`, "held");
  const { id } = statusOf(taken);
  await expect.poll(() => told().length, { timeout: 20_000 }).toBe(3);

  zombie?.kill("SIGSTOP");
  const living = await cluster.startWorker(1);
  await expect
    .poll(() => told().filter(({ pid }) => pid === living.pid), { timeout: 20_000 })
    .toHaveLength(1);
  // The living one is held as well; only the zombie is let go on, and says that it has acted.
  living.kill("SIGSTOP");
  writeFileSync(gateOf(effectsFile, "held"), "");
  zombie?.kill("SIGCONT");
  await expect
    .poll(() => told().filter(({ event, pid }) => event === "acted" && pid === zombie?.pid), {
      timeout: 20_000,
    })
    .toHaveLength(1);
  await zombie?.exited;
  expect(statesOf(await ask(http, id))).toMatchObject({ 0: "acked", 2: "acked" });
  expect(statesOf(await ask(http, id))[1]).not.toBe("acked");

  living.kill("SIGCONT");
  const status = await ask(http, id, "?wait=30");
  expect(status.verdict).toBe("satisfied");
  const replied = status.members.find(({ member }) => member === "1");
  expect(replied).toMatchObject({
    state: "acked",
    reply: { body: JSON.stringify({ member: "1", pid: living.pid }) },
  });
}, 120_000);
