import { parseArgs } from "node:util";

export const DEFAULT_PORT = 8080;

export const help = `Usage: npm run demo [-- --once] [-- --port N]

A tour of Shardcast in one process: a log in memory, the gateway and three replicas of the example service.
Needs no Kafka, no Docker, no Java. Everything it says is checked; it exits with 1 if something does not hold.

  --once  ends after the tour, instead of serving until Ctrl-C
  --port  where the gateway listens, 0 for a free port (default: ${DEFAULT_PORT}, or a free one where that is taken or with --once)
  --help  this text`;

export interface DemoOptions {
  readonly help: boolean;
  readonly once: boolean;
  /** Undefined when none was asked for. */
  readonly port: number | undefined;
}

/** Throws for what the help does not name. */
export function parseDemoArgs(args: string[]): DemoOptions {
  const { values } = parseArgs({
    args,
    options: {
      once: { type: "boolean", default: false },
      port: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const { help, once, port } = values;
  if (port !== undefined && (!/^[0-9]{1,5}$/.test(port) || Number(port) > 65_535)) {
    throw new Error(`--port takes a number from 0 to 65535, not "${port}"`);
  }
  return { help, once, port: port === undefined ? undefined : Number(port) };
}
