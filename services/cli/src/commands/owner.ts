import { command, SERVICE } from "../command.ts";
import { styleOf } from "../render/style.ts";
import { table } from "../render/table.ts";

export const owner = command({
  name: "owner",
  describe: "Say which member owns a shard key",
  words: { service: SERVICE, key: { describe: "the shard key; one that begins with a dash behind --" } },
  settings: {},
  examples: [["owner accounts 4711", "its lane, its member, and where that listens"]],
  async run({ client, world }, { service, key }, { json }) {
    const { stdout } = world;
    const said = await client.owner(service, key);
    const { lane, state, member, ordinal, url, epoch, fencingToken } = said;
    const head = ["KEY", "LANE", "STATE", "OWNER", "PLANNED", "URL", "TOKEN", "EPOCH"];
    const shown = () =>
      table(head, [[key, lane, state, member, ordinal, url, fencingToken, epoch]], styleOf(stdout));
    stdout.write(`${json ? JSON.stringify({ key, ...said }) : shown()}\n`);
    return "satisfied";
  },
});
