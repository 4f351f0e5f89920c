import { execFile } from "node:child_process";
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const README = readFileSync(join(ROOT, "README.md"), "utf8");
const run = promisify(execFile);

/** What a snippet takes from its surroundings. */
const SURROUNDINGS = `
declare function addTo(key: string, cents: number, id: string): Promise<number>;
declare function balanceOf(key: string): Promise<number>;
declare function reload(rates: unknown): Promise<void>;
`;

test("the README's code compiles as it stands", async () => {
  const blocks = [...README.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code ?? "");
  expect(blocks.length).toBeGreaterThan(1);
  // Inside the repository, so that the packages are found.
  const folder = mkdtempSync(join(ROOT, "test", ".readme-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [first = "", ...rest] = blocks;
  writeFileSync(join(folder, "readme.ts"), `${first}\n${rest.join("\n")}\n${SURROUNDINGS}`);
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      extends: "../../tsconfig.json",
      compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
      include: ["readme.ts"],
    }),
  );
  const outcome = await run(process.execPath, [
    join(ROOT, "node_modules/typescript/bin/tsc"),
    "-p",
    folder,
  ]).catch((error: { stdout: string }) => error);
  expect(outcome.stdout).toBe("");
}, 60_000);

const documents = globSync(["*.md", "docs/**/*.md"], { cwd: ROOT });

describe.each(documents)("%s", (name) => {
  const text = readFileSync(join(ROOT, name), "utf8");

  test("names only npm scripts that exist", () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    const named = [...text.matchAll(/npm run ([a-z:]+)/g)].map(([, script]) => script);
    expect(named.filter((script) => !((script as string) in scripts))).toEqual([]);
  });

  test("links only to files that exist", () => {
    const links = [...text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, target]) => target ?? "");
    const folder = join(ROOT, name, "..");
    expect(links.filter((target) => !existsSync(join(folder, target)))).toEqual([]);
  });
});
