// Run by itself: the client, and a contract over it, in a realm that has what browsers have, and nothing of Node. Says what came of it as JSON.
import { readFileSync } from "node:fs";
import { createRequire, isBuiltin, stripTypeScriptTypes } from "node:module";
import { fileURLToPath } from "node:url";
import { createContext, SourceTextModule } from "node:vm";

/** All that the client may use beside the language itself. */
const WEB = {
  AbortController,
  atob,
  clearTimeout,
  crypto,
  fetch,
  Headers,
  setTimeout,
  TextDecoder,
  TextEncoder,
  Uint8Array,
  URL,
};

const PROGRAM = `
  import { defineService, isTypedError, typed } from "@shardcast/contract";
  import { connectHttp } from "../../src/index.ts";
  const client = connectHttp({ url: gatewayUrl, retry: { minMs: 1 } });
  const { body } = await client.request("accounts", "carol", { a: 1 }, { retry: true });
  const states = [];
  for await (const { state } of client.events("accounts", "id-1")) states.push(state);
  const validate = (value) =>
    value?.a === 1 ? { value } : { issues: [{ message: "must be 1", path: ["a"] }] };
  const schema = { "~standard": { version: 1, vendor: "hand", validate } };
  const contract = defineService("accounts", { handlers: { echo: { input: schema, output: schema } } });
  const { echo } = typed(client, contract);
  const echoed = await echo("carol", { a: 1 });
  const refused = await echo("carol", { a: 2 }).catch((error) => error);
  const known = isTypedError(refused, contract, "echo");
  const broadcast = await client.broadcast("accounts", "rates");
  const { value, end } = await broadcast.reduce((all, { reply }) => [...all, ...reply.body], []);
  said.push({
    body: new TextDecoder().decode(body),
    states,
    replied: value,
    verdict: end.verdict,
    typed: { echoed, refused: [refused.code, refused.message], known },
  });
`;

const said: object[] = [];
const context = createContext({ ...WEB, gatewayUrl: process.argv[2], said });
const modules = new Map<string, SourceTextModule>();

function load(path: string): SourceTextModule {
  const known = modules.get(path);
  if (known !== undefined) return known;
  const text = readFileSync(path, "utf8");
  const code = path.endsWith(".ts") ? stripTypeScriptTypes(text) : text;
  const module = new SourceTextModule(code, { context, identifier: path });
  modules.set(path, module);
  return module;
}

function link(specifier: string, { identifier }: { readonly identifier: string }): SourceTextModule {
  if (isBuiltin(specifier)) throw new Error(`${identifier} imports ${specifier}`);
  return load(createRequire(identifier).resolve(specifier));
}

const program = new SourceTextModule(PROGRAM, { context, identifier: fileURLToPath(import.meta.url) });
await program.link(link as Parameters<typeof program.link>[0]);
await program.evaluate();
console.log(JSON.stringify({ ...said[0], loaded: [...modules.keys()] }));
