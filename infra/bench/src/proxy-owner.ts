import { serveHealth } from "@shardcast/worker";
import { onStop, say } from "./processes/say.ts";

/** An owner as the worker SDK has it serve what comes straight to it. */
const HOST = "127.0.0.1";
const ANSWER = "answer\n";

const server = await serveHealth(() => ({ ready: true }), {
  port: 0,
  host: HOST,
  otherwise: (_request, response) => {
    response.writeHead(200, { "content-type": "text/plain", "content-length": ANSWER.length }).end(ANSWER);
  },
});
onStop(() => server.close());
say({ kind: "ready", url: `http://${HOST}:${server.port}` });
