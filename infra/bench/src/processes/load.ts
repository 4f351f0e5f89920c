import { type LoadPlan, runLoad } from "../load.ts";
import { onStop, say } from "./say.ts";

/** The load generator: one job after the other, as the bench sends them. */
process.on("message", (plan: LoadPlan) => {
  void runLoad(plan).then((result) => say({ kind: "result", ...result }));
});
process.channel?.ref();
onStop(async () => {});
say({ kind: "ready" });
