import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { arrowFaults, circleFaults, type HousePackage, importsOf, manifestFaults } from "./house.ts";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** The packages that have sources; others wait for theirs. */
const packages: HousePackage[] = globSync("{libs,services,infra}/*/package.json", { cwd: ROOT })
  .sort()
  .map(dirname)
  .filter((folder) => existsSync(join(ROOT, folder, "src")))
  .map((folder) => {
    const paths = globSync("{src,test}/**/*.{ts,mts,cts,tsx,js,mjs,cjs}", { cwd: join(ROOT, folder) });
    return {
      folder,
      manifest: JSON.parse(readFileSync(join(ROOT, folder, "package.json"), "utf8")),
      files: Object.fromEntries(paths.map((path) => [path, readFileSync(join(ROOT, folder, path), "utf8")])),
    };
  });

function forged(folder: string, files: Record<string, string>, dependencies: string[] = []): HousePackage {
  const name = `@shardcast/${folder.split("/")[1]}`;
  return {
    folder,
    files,
    manifest: { name, dependencies: Object.fromEntries(dependencies.map((d) => [d, "1"])) },
  };
}

describe("the house of design.md", () => {
  test("is the one that is checked", () => {
    const folders = packages.map(({ folder }) => folder);
    expect(folders).toEqual(expect.arrayContaining(["libs/routing", "libs/protocol", "libs/log"]));
    const log = packages.find(({ folder }) => folder === "libs/log");
    expect(Object.values(log?.files ?? {}).flatMap(importsOf)).toContain("@shardcast/protocol");
  });

  test.each(packages)("$folder imports only downwards", (one) => {
    expect(arrowFaults(one)).toEqual([]);
  });

  test.each(packages)("$folder has no circle of imports", (one) => {
    expect(circleFaults(one)).toEqual([]);
  });

  test.each(packages)("$folder declares what it uses and uses what it declares", (one) => {
    expect(manifestFaults(one)).toEqual([]);
  });
});

describe("the check of the house", () => {
  test("finds a circle, also one of types, and no more than it is", () => {
    const files = {
      "src/top.ts": 'import { a } from "./in/a.ts";',
      "src/in/a.ts": 'import type { B } from "../b.ts";\nimport { c } from "../c.ts";',
      "src/b.ts": 'export { a } from "./in/a.ts";\nimport "./c.ts";',
      "src/c.ts": "",
    };
    expect(circleFaults(forged("libs/log", files))).toEqual([
      "libs/log: src/in/a.ts → src/b.ts → src/in/a.ts",
    ]);
  });

  test.each([
    ["upward", "libs/protocol", 'import { Log } from "@shardcast/log";'],
    ["upward, types only", "libs/routing", 'import type { Problem } from "@shardcast/protocol";'],
    ["upward into a service", "libs/worker", 'export { start } from "@shardcast/gateway";'],
    ["upward into infra", "libs/client", 'await import("@shardcast/infra-kafka");'],
    ["sideways between libraries", "libs/client", 'import "@shardcast/worker";'],
    ["sideways to the driver", "libs/worker", 'import { createKafkaLog } from "@shardcast/log-kafka";'],
    ["sideways between services", "services/gateway", 'import x from "@shardcast/accounts/src/x.ts";'],
    ["of the testkit in a service", "services/gateway", 'import x from "@shardcast/testkit";'],
    ["of kafkajs", "libs/worker", 'import { Kafka } from "kafkajs";'],
    ["of the Kubernetes client", "services/gateway", 'type X = import("@kubernetes/client-node").X;'],
    ["out of the package", "libs/log", 'import { a } from "../../protocol/src/error.ts";'],
    ["of itself by name", "libs/log", 'import { a } from "@shardcast/log/memory";'],
    ["over several lines", "libs/routing", 'import {\n  a,\n  b,\n} from "@shardcast/log";'],
  ])("reports a forged import %s", (_, folder, line) => {
    expect(arrowFaults(forged(folder, { "src/a.ts": `// "fine"\n${line}\n` }))).toHaveLength(1);
  });

  test("reports a library that has no place", () => {
    expect(arrowFaults(forged("libs/attic", {}))).toEqual(["libs/attic has no place in the house"]);
  });

  test("reports kafkajs in tests too, but lets tests import upwards", () => {
    expect(arrowFaults(forged("libs/worker", { "test/a.test.ts": 'import "kafkajs";' }))).toHaveLength(1);
    expect(
      arrowFaults(forged("libs/worker", { "test/a.test.ts": 'import "@shardcast/infra-kafka";' })),
    ).toEqual([]);
    expect(arrowFaults(forged("infra/bench", { "src/a.ts": 'import "kafkajs";' }))).toEqual([]);
    expect(arrowFaults(forged("libs/log-kafka", { "src/a.ts": 'import "kafkajs";' }))).toEqual([]);
  });

  test("is not taken in by comments and strings", () => {
    const text = [
      '/** import { Log } from "@shardcast/log"; */',
      '// import "kafkajs";',
      'const url = "http://x"; // import("kafkajs")',
      'import { z } from "zod"; // and not from "yup"',
    ].join("\n");
    expect(importsOf(text)).toEqual(["zod"]);
  });

  test("reports what is declared and not used, and what is used and not declared", () => {
    const files = {
      "src/a.ts": 'import "used/deep";\nimport "missing";\nimport "node:fs";\nimport { x } from "./b.ts";',
      "test/a.test.ts": 'import "vitest";',
    };
    expect(manifestFaults(forged("libs/log", files, ["used", "idle"]))).toEqual([
      "libs/log declares idle and does not use it",
      "libs/log uses missing and does not declare it",
    ]);
  });
});
