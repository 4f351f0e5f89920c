import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { defineService } from "@shardcast/contract";
import { openApi } from "@shardcast/contract/documents";
import { pino } from "pino";
import { generateApi } from "swagger-typescript-api";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { startCluster } from "../src/cluster.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const TSC = fileURLToPath(new URL("../../../node_modules/typescript/bin/tsc", import.meta.url));
const run = promisify(execFile);

/** A client that a stranger's generator makes of a document, and a program that uses it, compiled. Resolves to the program's path. */
async function compiled(document: object, program: string): Promise<string> {
  // Inside the repository, so that types of Node are found.
  const folder = mkdtempSync(join(HERE, ".generated-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const { files } = await generateApi({ spec: document as never, output: false, silent: true });
  writeFileSync(join(folder, "Api.ts"), files[0]?.fileContent ?? "");
  writeFileSync(join(folder, "program.ts"), program);
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  const compilerOptions = {
    ...{ target: "ES2022", module: "NodeNext", strict: true, lib: ["ES2022", "DOM"], types: ["node"] },
    ...{ allowImportingTsExtensions: true, rewriteRelativeImportExtensions: true, outDir: "out" },
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
  const outcome = await run(process.execPath, [TSC, "-p", folder]).catch(
    (error: { stdout: string }) => error,
  );
  expect(outcome.stdout).toBe("");
  return join(folder, "out", "program.js");
}

test("a client that a stranger generates from the gateway's OpenAPI document compiles, and calls the demo", async () => {
  const cluster = await startCluster({ port: 0, otherPortIfTaken: true, logger: pino({ level: "silent" }) });
  onTestFinished(() => cluster.close());
  const document = (await (await fetch(`${cluster.url}/openapi.json`)).json()) as object;
  const program = await compiled(
    document,
    `import { Api } from "./Api.ts";
const { v1 } = new Api({ baseUrl: process.argv[2] });
await v1.postToHandler("accounts", "carol", "deposit", { cents: 12_500 });
const balance = await v1.postToHandler("accounts", "carol", "balance", {});
const owner = await v1.getOwner("accounts", "carol");
const told = await v1.broadcast("accounts", { tiers: [{ fromCents: 0, percent: 1.5 }] }, { handler: "interest-changed", ack: "all" }, { headers: { prefer: "wait=30" } });
const refused = await v1.postToHandler("nobody", "carol", "deposit", {}).catch((answer) => answer.error.code);
console.log(JSON.stringify({ balance: balance.data, state: owner.data.state, verdict: told.data.verdict, refused }));`,
  );
  const { stdout } = await run(process.execPath, [program, cluster.url]);
  expect(JSON.parse(stdout)).toMatchObject({
    balance: { balance: 12_500 },
    ...{ state: "owned", verdict: "satisfied", refused: "SHARDCAST_UNKNOWN_SERVICE" },
  });
}, 120_000);

test("what a contract declares is typed in such a client, and what it does not declare does not compile", async () => {
  const contract = defineService("accounts", {
    handlers: {
      deposit: { input: z.object({ cents: z.int() }), output: z.object({ balance: z.int() }) },
    },
  });
  await compiled(
    openApi(contract, { title: "Accounts", version: "1" }),
    `import { Api } from "./Api.ts";
const { v1 } = new Api();
export const deposit = async (): Promise<number> => {
  const { data } = await v1.deposit("carol", { cents: 5 });
  return "balance" in data ? data.balance : 0;
};
// @ts-expect-error the contract wants a number
export const wrong = () => v1.deposit("carol", { cents: "five" });`,
  );
}, 120_000);
