#!/usr/bin/env node
import { connectHttp } from "@shardcast/http-client";
import { runCli } from "./cli.ts";
import { Interrupted } from "./errors.ts";
import { EXIT_CODES } from "./exit-codes.ts";

const SIGPIPE_EXIT = 141;

const { argv, env, stdin, stdout, stderr } = process;
const stop = new AbortController();

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    // The second time somebody means it.
    if (stop.signal.aborted)
      process.exit(EXIT_CODES[signal === "SIGINT" ? "interrupted" : "terminated"].code);
    stop.abort(new Interrupted(signal));
    // Who is asked for `--data @-` would otherwise keep us.
    stdin.destroy();
  });
}
// Nobody reads any more, as in `shardcast … | head -1`: as if the signal had ended us that Node ignores.
stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? SIGPIPE_EXIT : 1));
stderr.on("error", () => {});

process.exitCode = await runCli(argv.slice(2), {
  env,
  cwd: process.cwd(),
  stdin,
  stdout,
  stderr,
  signal: stop.signal,
  connect: connectHttp,
  fetch: globalThis.fetch,
});
