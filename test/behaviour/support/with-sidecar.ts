import { fileURLToPath } from "node:url";
import { type Program, runProgram } from "../../e2e/support/program.ts";
import type { Replica, StartReplica } from "./bank.ts";

const SIDECAR = fileURLToPath(new URL("../../../services/sidecar/src/main.ts", import.meta.url));
const EXEC = fileURLToPath(new URL("./exec.ts", import.meta.url));

/** Replicas of two processes: an application that speaks nothing but HTTP, and the sidecar that brings it its requests. */
export function withSidecar(command: readonly string[]): StartReplica {
  return async ({ member, env, ledgerEnv }): Promise<Replica> => {
    const app = runProgram(`application ${member}`, [EXEC, ...command], { ...ledgerEnv, PORT: "0" });
    const { port } = await app.said("listening");
    const url = `http://127.0.0.1:${port}`;
    const sidecar = runProgram(`sidecar ${member}`, [SIDECAR], {
      ...env,
      SHARDCAST_APP_URL: url,
      SHARDCAST_APP_HEALTH_URL: `${url}/health`,
      SHARDCAST_APP_LANE_HOOKS: "true",
    });
    await sidecar.said("ready");
    return {
      pid: app.pid,
      async kill() {
        for (const each of [sidecar, app]) each.kill("SIGKILL");
        await Promise.all([sidecar.exited, app.exited]);
      },
      async stop() {
        await ends(sidecar);
        await ends(app);
      },
    };
  };
}

/** Rejects unless SIGTERM ends it with 0. */
export async function ends(program: Program): Promise<void> {
  program.kill("SIGTERM");
  const { code, signal } = await program.exited;
  if (code !== 0) throw new Error(`${program.name} ended with ${code ?? signal}`);
}
