import { fileURLToPath } from "node:url";
import { runProgram } from "../e2e/support/program.ts";
import { behaviourSuite } from "./suite.ts";
import { ends } from "./support/with-sidecar.ts";

const WORKER = fileURLToPath(new URL("./support/sdk-worker.ts", import.meta.url));

behaviourSuite("a worker with the SDK", async ({ member, env, ledgerEnv }) => {
  const worker = runProgram(`worker ${member}`, [WORKER], { ...env, ...ledgerEnv });
  await worker.said("owning lanes");
  return {
    pid: worker.pid,
    async kill() {
      worker.kill("SIGKILL");
      await worker.exited;
    },
    stop: () => ends(worker),
  };
});
