import { existsSync } from "node:fs";
import { createServer } from "node:http";

/**
 * A program as it would be in an image: serves on its pod's address, says its environment, and is told by its
 * environment and over HTTP how to behave.
 */
const { HOST = "127.0.0.1", PORT = "8080", READY_AFTER_MS = "0", READY_FILE } = process.env;
const startedAt = Date.now();
let ready = true;
let stubborn = process.env.STUBBORN === "1";
let live = true;

process.on("SIGTERM", () => {
  console.log("SIGTERM");
  if (!stubborn) process.exit(0);
});

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://app");
  const answer = (status: number, body: unknown) => response.writeHead(status).end(JSON.stringify(body));
  const isReady = ready && Date.now() - startedAt >= Number(READY_AFTER_MS);
  switch (pathname) {
    case "/ready":
      return answer(isReady && (READY_FILE === undefined || existsSync(READY_FILE)) ? 200 : 503, {});
    case "/live":
      return answer(live ? 200 : 500, {});
    case "/env":
      return answer(200, { env: process.env, argv: process.argv.slice(2), pid: process.pid });
    case "/set":
      ready = searchParams.get("ready") !== "false";
      live = searchParams.get("live") !== "false";
      stubborn = searchParams.get("stubborn") === "true";
      return answer(200, {});
    case "/exit":
      answer(200, {});
      return process.exit(Number(searchParams.get("code") ?? 1));
    case "/stopping":
      console.log("preStop");
      return answer(200, {});
    default:
      return answer(404, {});
  }
});
server.listen(Number(PORT), HOST, () => console.log(`serving on ${HOST}`));
