import { pino } from "pino";

/** What was logged, one object a line. */
export function recordingLogger() {
  const lines: { readonly level: number; readonly msg: string; readonly [member: string]: unknown }[] = [];
  const logger = pino({ level: "trace" }, { write: (line: string) => lines.push(JSON.parse(line)) });
  const messages = (level: number) => lines.filter((line) => line.level === level).map(({ msg }) => msg);
  return { logger, lines, warnings: () => messages(40), errors: () => messages(50) };
}
