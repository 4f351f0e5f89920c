import { command } from "../command.ts";
import { REQUESTING } from "../config/common.ts";
import { KEYED, SENDING } from "../config/request.ts";
import { submit } from "../requests/submit.ts";

export const send = command({
  name: "send",
  describe: "Put a keyed request on the log and print its id",
  words: KEYED,
  settings: { ...SENDING, ...REQUESTING },
  examples: [
    [
      "send accounts 4711 deposit --data '{\"cents\": 500}' --content-type application/json",
      "not waited for",
    ],
    ["result accounts $(shardcast send accounts 4711 close) --wait 30s", "asked for later"],
  ],
  run: (call, words, options) => submit(call, words, options),
});
