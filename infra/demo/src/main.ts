import { type DemoOptions, help, parseDemoArgs } from "./command-line.ts";
import { runDemo } from "./demo.ts";
import { createPrinter } from "./print.ts";

process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  let options: DemoOptions;
  try {
    options = parseDemoArgs(args);
  } catch (error) {
    console.error(`${messageOf(error)}\n\n${help}`);
    return 2;
  }
  if (options.help) {
    console.log(help);
    return 0;
  }
  const ending = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => ending.abort());
  // Nobody reads on, as in `npm run demo | head`: there is nobody to show a tour to.
  process.stdout.on("error", () => ending.abort());
  try {
    return await runDemo(options, createPrinter(), ending.signal);
  } catch (error) {
    console.error(messageOf(error));
    return 1;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
