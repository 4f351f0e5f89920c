import type { Shards } from "@shardcast/http-client";
import { command, SERVICE } from "../command.ts";
import { type Style, styleOf } from "../render/style.ts";
import { table } from "../render/table.ts";
import { count } from "../render/text.ts";

export const shards = command({
  name: "shards",
  describe: "Say which member has which lane",
  words: { service: SERVICE },
  settings: {},
  examples: [["shards accounts", "lanes, and the members there are"]],
  async run({ client, world }, { service }, { json }) {
    const { stdout } = world;
    const said = await client.shards(service);
    stdout.write(`${json ? JSON.stringify(said) : tables(said, styleOf(stdout))}\n`);
    return "satisfied";
  },
});

function tables({ service, epoch, replicas, lanes, members }: Shards, style: Style): string {
  const laneRows = lanes.map((lane) => [lane.lane, lane.state, lane.member, lane.ordinal, lane.fencingToken]);
  const memberRows = members.map(({ member, state, url }) => [
    member,
    state,
    lanes.filter((lane) => lane.state === "owned" && lane.member === member).length,
    url,
  ]);
  return [
    `${service}: ${count(lanes.length, "lane")}, ${count(replicas, "replica")}, map ${epoch}`,
    "",
    table(["LANE", "STATE", "OWNER", "PLANNED", "TOKEN"], laneRows, style),
    "",
    table(["MEMBER", "STATE", "LANES", "URL"], memberRows, style),
  ].join("\n");
}
