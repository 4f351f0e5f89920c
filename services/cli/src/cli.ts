import { readFileSync } from "node:fs";
import { COMMANDS } from "./commands/all.ts";
import { GLOBAL } from "./config/common.ts";
import { resolveSettings } from "./config/resolve.ts";
import { UsageError } from "./errors.ts";
import { EXIT_CODES, exitOfError } from "./exit-codes.ts";
import { parseArgs } from "./parse.ts";
import { errorText } from "./render/error.ts";
import type { World } from "./world.ts";

/** Runs one call of `shardcast`; resolves to its exit code, and never rejects. */
export async function runCli(args: readonly string[], world: World): Promise<number> {
  const { stdout, stderr, signal, connect, fetch } = world;
  let json = args.includes("--json");
  try {
    const parsed = await parseArgs(args, COMMANDS, version());
    if (parsed.kind === "text") stdout.write(`${parsed.text}\n`);
    if (parsed.kind !== "run") return EXIT_CODES.satisfied.code;
    const { command, words, flags } = parsed;
    const options = resolveSettings({ ...GLOBAL, ...command.settings }, flags, world);
    json = options.json;
    const client = connect({ url: options.gateway, fetch });
    // Not every call takes a signal; all of them end with their client.
    const onStop = () => void client.close();
    signal.addEventListener("abort", onStop);
    // Who says it with a flag has to say it again.
    const again = typeof flags.gateway === "string" ? `shardcast --gateway ${flags.gateway}` : "shardcast";
    try {
      signal.throwIfAborted();
      return EXIT_CODES[await command.run({ world, client, again }, words, options as never)].code;
    } finally {
      signal.removeEventListener("abort", onStop);
      await client.close();
    }
  } catch (thrown) {
    // What a client says when it is told to stop is not what has happened.
    const error = signal.aborted && !(thrown instanceof UsageError) ? signal.reason : thrown;
    const { code } = EXIT_CODES[exitOfError(error)];
    stderr.write(errorText(error, code, json));
    return code;
  }
}

function version(): string {
  const manifest = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { readonly version: string }).version;
}
