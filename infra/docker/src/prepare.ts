/**
 * Lays out what the images hold, in `.docker/`: the built packages and their production dependencies, as the lock file
 * names them. The image build itself then only copies, so it needs no network and no build tools inside.
 */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, globSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const OUT = join(ROOT, ".docker");
const APP = join(OUT, "app");
const SERVICES = ["@shardcast/gateway", "@shardcast/accounts", "@shardcast/sidecar", "@shardcast/cli"];

const run = (args: string[], cwd: string) => execFileSync("npm", args, { cwd, stdio: "inherit" });

run(["run", "build"], ROOT);
rmSync(OUT, { recursive: true, force: true });
mkdirSync(APP, { recursive: true });
// An empty folder of the right owner: a new volume takes both from the image.
mkdirSync(join(OUT, "data"));
for (const file of ["package.json", "package-lock.json"]) cpSync(join(ROOT, file), join(APP, file));
for (const manifest of globSync("{libs,services,infra}/*/package.json", { cwd: ROOT })) {
  cpSync(join(ROOT, manifest), join(APP, manifest));
  const dist = manifest.replace(/package\.json$/, "dist");
  if (existsSync(join(ROOT, dist))) cpSync(join(ROOT, dist), join(APP, dist), { recursive: true });
}
run(
  [
    "ci",
    "--omit=dev",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    ...SERVICES.map((name) => `--workspace=${name}`),
  ],
  APP,
);
rmSync(join(APP, "infra"), { recursive: true, force: true });
