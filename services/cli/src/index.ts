export { runCli } from "./cli.ts";
export { Interrupted } from "./errors.ts";
export { EXIT_CODES } from "./exit-codes.ts";
export type { Output, World } from "./world.ts";
