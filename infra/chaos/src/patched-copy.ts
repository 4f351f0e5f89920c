import {
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Mutation, mutated } from "./mutations.ts";

const WORKSPACES = ["libs", "services", "infra"];
const SCOPE = "@shardcast";

/**
 * A copy of the sources with a guarantee switched off, in a temporary folder; packages from outside are shared with the
 * original. Returns its root.
 */
export async function patchedCopy(root: string, { changes }: Mutation): Promise<string> {
  const copy = await realpath(await mkdtemp(join(tmpdir(), "shardcast-chaos-mutant-")));
  try {
    for (const folder of WORKSPACES) {
      const filter = (source: string) => !source.endsWith("/node_modules") && !source.endsWith("/dist");
      await cp(join(root, folder), join(copy, folder), { recursive: true, filter });
    }
    const [from, to] = [join(root, "node_modules"), join(copy, "node_modules")];
    await mkdir(join(to, SCOPE), { recursive: true });
    for (const name of await readdir(from)) {
      if (name !== SCOPE) await symlink(join(from, name), join(to, name));
    }
    // These lead to the workspaces beside them, and so to the copies.
    for (const name of await readdir(join(from, SCOPE))) {
      await symlink(await readlink(join(from, SCOPE, name)), join(to, SCOPE, name));
    }
    for (const change of changes) {
      const file = join(copy, change.file);
      await writeFile(file, mutated(await readFile(file, "utf8"), change));
    }
    return copy;
  } catch (error) {
    await rm(copy, { recursive: true, force: true });
    throw error;
  }
}
