import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** What containers have written, by the names of their pods: also of pods that are gone, and of all their lives. */
export class Logs {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async file(namespace: string, pod: string, container: string): Promise<string> {
    const directory = join(this.#directory, namespace, pod);
    await mkdir(directory, { recursive: true });
    return join(directory, `${container}.log`);
  }

  /** Empty when there is nothing of that name. Without `container`: of all of them, one after another. */
  async read(namespace: string, pod: string, container?: string): Promise<string> {
    const directory = join(this.#directory, namespace, pod);
    const files = container === undefined ? await readdir(directory).catch(() => []) : [`${container}.log`];
    const texts = files.sort().map((file) => readFile(join(directory, file), "utf8").catch(() => ""));
    return (await Promise.all(texts)).join("");
  }
}
