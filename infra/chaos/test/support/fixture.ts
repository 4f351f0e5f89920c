// A process that says that it is ready, answers each message with how far its wall clock is off, and ends as it is told.
import { writeSync } from "node:fs";

const offset = () => Date.now() - (performance.timeOrigin + performance.now());
process.on("message", () => {
  writeSync(
    1,
    `${Math.round(offset() / 1_000)} ${Math.round((Date.parse(new Date().toISOString()) - Date.now()) / 1_000)}\n`,
  );
  process.send?.({ kind: "ready" });
});
setInterval(() => {}, 60_000); // it lives until it is ended
process.once("SIGTERM", () => process.exit(0));
if (process.env.FIXTURE_ENDS !== undefined) process.exit(Number(process.env.FIXTURE_ENDS));
process.send?.({ kind: "ready" });
