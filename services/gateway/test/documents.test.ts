import { Parser } from "@asyncapi/parser";
import { Validator } from "@seriousme/openapi-schema-validator";
import { describe, expect, it } from "vitest";
import { accounts, orders } from "./support/contracts.ts";
import { startGateway } from "./support/gateway.ts";
import { call, problemOf } from "./support/http.ts";

/** The validators compile whole specifications: seconds on a busy machine. */
const VALIDATOR_MS = 60_000;
const GET = { method: "GET" };

const services = { accounts: { lanes: 3 }, orders: { lanes: 3 }, bills: { lanes: 3 } };
const start = () => startGateway({ services, contracts: [accounts, orders], topicPrefix: "prod." });

interface OpenApi {
  readonly info: { readonly title: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

describe("the documents of a gateway", () => {
  it.each([
    ["of the gateway itself", "/openapi.json", undefined],
    ["of a service with a contract", "/v1/accounts/openapi.json", "accounts"],
  ])("%s is one by OpenAPI 3.1's own schema", { timeout: VALIDATOR_MS }, async (_, path, service) => {
    const { gateway } = service === undefined ? await startGateway() : await start();
    const answer = await call(gateway, path, GET);
    expect([answer.status, answer.headers["content-type"]]).toEqual([200, "application/json"]);
    const document = JSON.parse(answer.body.toString()) as OpenApi;
    const validator = new Validator();
    const { valid, errors } = await validator.validate({ ...structuredClone(document) });
    expect([errors, valid, validator.version]).toEqual([undefined, true, "3.1"]);
    if (service !== undefined)
      expect(Object.keys(document.paths)).toContain("/v1/accounts/keys/{key}/deposit");
    const ids = JSON.stringify(document).match(/"operationId":"[^"]*"/g) ?? [];
    expect(ids).toHaveLength(new Set(ids).size);
    for (const [, ref = ""] of JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]*)"/g)) {
      const found = ref
        .split("/")
        .reduce<unknown>((at, name) => (at as Record<string, unknown>)?.[name], document);
      expect([ref, found]).not.toContain(undefined);
    }
  });

  it("of the gateway itself has what can be asked of any service, with every part of a path as a parameter", async () => {
    const { gateway } = await startGateway();
    const { paths } = JSON.parse((await call(gateway, "/openapi.json", GET)).body.toString()) as OpenApi;
    const methods = Object.entries(paths).map(([path, item]) => {
      const parameters = (item.parameters ?? []) as { name: string; in: string }[];
      const names = parameters.filter((each) => each.in === "path").map(({ name }) => `{${name}}`);
      expect(names.sort()).toEqual((path.match(/\{[a-z]+\}/g) ?? []).sort());
      return [
        path,
        Object.keys(item)
          .filter((method) => method !== "parameters")
          .sort(),
      ];
    });
    expect(Object.fromEntries(methods)).toEqual({
      "/v1/{service}/keys/{key}": ["get", "post"],
      "/v1/{service}/keys/{key}/{handler}": ["post"],
      "/v1/{service}/requests": ["post"],
      "/v1/{service}/requests/{id}": ["delete", "get"],
      "/v1/{service}/requests/{id}/events": ["get"],
      "/v1/{service}/broadcasts": ["get", "post"],
      "/v1/{service}/broadcasts/{id}": ["delete", "get"],
      "/v1/{service}/broadcasts/{id}/events": ["get"],
      "/v1/{service}/broadcasts/{id}/redrive": ["post"],
      "/v1/{service}/keys/{key}/events": ["get"],
      "/v1/{service}/shards": ["get"],
      "/v1/{service}/shards/events": ["get"],
      "/v1/{service}/hot-keys": ["get"],
      "/v1/{service}/dead-letters": ["get"],
      "/v1/{service}/dead-letters/redrive": ["post"],
      "/v1/{service}/dead-letters/discard": ["post"],
      "/healthz": ["get"],
      "/readyz": ["get"],
    });
    expect(JSON.stringify(paths)).not.toContain("/v1/service/");
  });

  it("of a service with a contract is one by AsyncAPI 3.0's own parser, with the gateway's topics", {
    timeout: VALIDATOR_MS,
  }, async () => {
    const { gateway } = await start();
    const answer = await call(gateway, "/v1/accounts/asyncapi.json", GET);
    const { document, diagnostics } = await new Parser().parse(answer.body.toString());
    expect(diagnostics.filter(({ severity }) => severity === 0)).toEqual([]);
    expect(
      document
        ?.channels()
        .all()
        .map((channel) => channel.address()),
    ).toContain("prod.accounts.requests");
  });

  it("are there while no service can be called", async () => {
    const { gateway } = await startGateway({ services: { accounts: {} }, contracts: [accounts] });
    for (const path of [
      "/openapi.json",
      "/v1/accounts/openapi.json",
      "/v1/accounts/asyncapi.json",
      "/docs",
    ]) {
      expect([path, (await call(gateway, path, GET)).status]).toEqual([path, 200]);
    }
  });

  it.each(["openapi.json", "asyncapi.json"])(
    "%s is not there of services without a contract",
    async (name) => {
      const { gateway } = await start();
      expect(problemOf(await call(gateway, `/v1/bills/${name}`, GET)).code).toBe("SHARDCAST_NOT_FOUND");
      expect(problemOf(await call(gateway, `/v1/other/${name}`, GET)).code).toBe("SHARDCAST_UNKNOWN_SERVICE");
    },
  );

  it("are a page for people, which lists every operation, loads nothing and runs nothing", async () => {
    const { gateway } = await start();
    const { status, headers, body } = await call(gateway, "/docs", GET);
    expect([status, headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"]);
    expect(headers["content-security-policy"]).toContain("default-src 'none'");
    const page = body.toString();
    for (const text of [
      "/v1/{service}/requests",
      "/v1/{service}/broadcasts/{id}/redrive",
      "/v1/{service}/hot-keys",
      "/v1/accounts/keys/{key}/deposit",
      "/v1/accounts/keys/{key}/tree/plant",
      "/v1/orders/keys/{key}/place",
      'href="/v1/orders/asyncapi.json"',
      "Puts money in.",
      "Money &#60;b&#62;&#38; more&#60;/b&#62;",
      "exclusiveMinimum",
    ])
      expect(page).toContain(text);
    expect(page).not.toMatch(/<script|https?:\/\/|url\(|undefined|\[object/);
  });
});
