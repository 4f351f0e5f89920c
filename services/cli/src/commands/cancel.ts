import { command, SERVICE } from "../command.ts";

export const cancel = command({
  name: "cancel",
  describe: "Cancel a broadcast: no further member begins with it",
  words: { service: SERVICE, id: { describe: "of the broadcast" } },
  settings: {},
  examples: [["cancel accounts 0199c2a4e1b07d3f8a6512f09bd40002", "those who have begun are told to stop"]],
  async run({ client, world }, { service, id }, { json }) {
    await client.broadcasts.cancel(service, id);
    world.stdout.write(json ? `${JSON.stringify({ id, cancelled: true })}\n` : `cancelled: ${id}\n`);
    return "satisfied";
  },
});
