import yargs, { type Argv } from "yargs";
import type { Command, Words } from "./command.ts";
import { GLOBAL } from "./config/common.ts";
import type { Flags } from "./config/resolve.ts";
import { flagOf, type Settings } from "./config/setting.ts";
import { UsageError } from "./errors.ts";

/** What a call asks for. */
export type Parsed =
  | {
      readonly kind: "run";
      readonly command: Command;
      readonly words: Readonly<Record<string, string>>;
      readonly flags: Flags;
    }
  /** Help, the version, or a completion script: to be printed. */
  | { readonly kind: "text"; readonly text: string }
  /** Completions, which yargs prints itself. */
  | { readonly kind: "completed" };

const COMPLETE = "--get-yargs-completions";
const HELP_WIDTH = 110;
/** No argument of a process can have it. */
const TAKEN_AS_IT_IS = "\0";
const GROUPS: Readonly<Record<string, string>> = {
  "dead-letters": "Requests that were given up: list them, send them again",
};

/** Reads the command line. @throws {UsageError} that says what of it is not understood */
export async function parseArgs(
  args: readonly string[],
  commands: readonly Command[],
  version: string,
): Promise<Parsed> {
  let parsed: Parsed | undefined;
  const cli = build(args, commands, version, (run) => {
    parsed = run;
  });
  if (args[0] === COMPLETE) {
    // Its parse callback is called before they are known.
    await cli.parseAsync();
    return { kind: "completed" };
  }
  let fault: Error | undefined;
  let text = "";
  await cli.parseAsync(marked(args), {}, (error, _argv, output) => {
    fault = error ?? undefined;
    text = output;
  });
  if (fault !== undefined) throw new UsageError([`${fault.message}; see ${helpOf(args, commands)}`]);
  return parsed ?? { kind: "text", text };
}

type Take = (run: Parsed) => void;

function build(args: readonly string[], commands: readonly Command[], version: string, take: Take): Argv {
  const cli = yargs([...args])
    .scriptName("shardcast")
    .usage(
      "$0 <command>\n\nNotify every replica of a service and see who has done it; send requests; look at lanes.",
    )
    // Its own words, not those of the machine's language: scripts and people compare them.
    .detectLocale(false)
    .exitProcess(false)
    .parserConfiguration({
      // A shard key of digits is text; so is a header with dots.
      "parse-numbers": false,
      "parse-positional-numbers": false,
      "dot-notation": false,
      "boolean-negation": true,
    })
    .version(version)
    .help()
    .strict()
    .demandCommand(1, "a command is missing")
    .wrap(HELP_WIDTH)
    .epilogue(
      "Flags count more than the environment (SHARDCAST_...), which counts more than the configuration file.",
    );
  addSettings(cli, GLOBAL, true);
  const groups = Map.groupBy(commands, ({ name }) => name.split(" ").slice(0, -1).join(" "));
  for (const [group, members] of groups) {
    if (group === "") addCommands(cli, members, take);
    else {
      cli.command(group, GROUPS[group] ?? "", (sub) =>
        addCommands(sub, members, take).demandCommand(1, "a command is missing").strict(),
      );
    }
  }
  return cli.completion(
    "completion",
    "Print a script that completes commands and flags, for bash or zsh by $SHELL",
  );
}

function addCommands(cli: Argv, commands: readonly Command[], take: Take): Argv {
  for (const command of commands) {
    const { name, describe, words, settings, examples } = command;
    const usage = Object.entries(words).map(([word, { optional }]) => (optional ? `[${word}]` : `<${word}>`));
    cli.command(
      [name.split(" ").at(-1), ...usage].join(" "),
      describe,
      (sub) => {
        for (const [word, { describe }] of Object.entries(words)) {
          sub.positional(word, { type: "string", describe });
        }
        for (const [line, what] of examples) sub.example(`$0 ${line}`, what);
        return addSettings(sub, settings, false);
      },
      (argv) => take({ kind: "run", command, words: wordsIn(argv, words), flags: argv }),
    );
  }
  return cli;
}

function addSettings(cli: Argv, settings: Settings, global: boolean): Argv {
  for (const [name, { describe, kind = "text", env = [] }] of Object.entries(settings)) {
    const told = { describe: [describe, ...env.map((each) => `[${each}]`)].join(" "), global };
    const flag = flagOf(name).slice(2);
    if (kind === "switch") cli.option(flag, { type: "boolean", ...told });
    else if (kind === "list") cli.option(flag, { type: "string", array: true, nargs: 1, ...told });
    else cli.option(flag, { type: "string", requiresArg: true, ...told });
  }
  return cli;
}

/** Words behind `--` may begin with a dash: yargs takes them for no positional, and marked they are nothing else. */
function marked(args: readonly string[]): string[] {
  const dashes = args.indexOf("--");
  if (dashes < 0) return [...args];
  return [...args.slice(0, dashes), ...args.slice(dashes + 1).map((word) => TAKEN_AS_IT_IS + word)];
}

function wordsIn(argv: Readonly<Record<string, unknown>>, words: Words): Record<string, string> {
  return Object.fromEntries(
    Object.keys(words).flatMap((name) => {
      const word = argv[name];
      return word === undefined ? [] : [[name, String(word).replace(TAKEN_AS_IT_IS, "")]];
    }),
  );
}

function helpOf(args: readonly string[], commands: readonly Command[]): string {
  const said = commands.find(({ name }) => name === args.slice(0, name.split(" ").length).join(" "));
  return ["shardcast", ...(said === undefined ? [] : [said.name]), "--help"].join(" ");
}
