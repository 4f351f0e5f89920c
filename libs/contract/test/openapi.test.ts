import { Validator } from "@seriousme/openapi-schema-validator";
import { ERROR_TABLE } from "@shardcast/protocol";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { type JsonObject, openApi } from "../src/documents/index.ts";
import { defineService } from "../src/index.ts";
import { accounts, purses } from "./support/contracts.ts";
import { at } from "./support/pointer.ts";

const KEY_PATH = "/v1/accounts/keys/{key}";

/** The validator compiles the whole specification at each call: seconds on a busy machine. */
const VALIDATOR_MS = 60_000;

function operation(document: JsonObject, path: string, method = "post"): JsonObject {
  return at(document, ["paths", path, method]) as JsonObject;
}

describe("the OpenAPI document of a contract", () => {
  test.each([
    ["in zod", accounts],
    ["in valibot", purses],
    ["with nothing but a name", defineService("bare", { handlers: {} })],
  ])(
    "%s is one by OpenAPI 3.1's own schema, and all its references lead somewhere",
    { timeout: VALIDATOR_MS },
    async (_, contract) => {
      const document = openApi(contract, {
        url: "https://api.example.com",
        version: "1.2.3",
        title: "Money",
      });
      const validator = new Validator();
      const { valid, errors } = await validator.validate(structuredClone(document));
      expect(errors).toBeUndefined();
      expect(valid).toBe(true);
      expect(validator.version).toBe("3.1");
      expect(document).toMatchObject({
        info: { title: "Money", version: "1.2.3" },
        servers: [{ url: "https://api.example.com" }],
      });
      for (const ref of refsOf(document)) expect([ref, at(document, ref)]).not.toContain(undefined);
      expect(JSON.parse(JSON.stringify(document))).toEqual(document);
    },
  );

  test("says what a handler takes and answers", () => {
    const document = openApi(accounts);
    const deposit = operation(document, `${KEY_PATH}/deposit`);
    expect(deposit).toMatchObject({
      operationId: "deposit",
      description: "Puts money in.",
      requestBody: {
        required: true,
        content: { "application/json": { schema: { $ref: "#/components/schemas/deposit_input" } } },
      },
      responses: { 200: { content: { "application/json": { schema: { $ref: expect.any(String) } } } } },
    });
    expect(at(document, "#/components/schemas/deposit_input")).toMatchObject({
      type: "object",
      properties: { amount: { type: "number", exclusiveMinimum: 0 } },
      required: ["amount"],
    });
    expect(at(document, "#/components/schemas/Key")).toEqual({ type: "string", pattern: "^[0-9]{1,12}$" });
    const touch = operation(document, `${KEY_PATH}/touch`);
    expect(touch.requestBody).toBeUndefined();
    expect(Object.keys(touch.responses as JsonObject)).toContain("204");
  });

  test("a body may be left out where the input's schema takes nothing", () => {
    const contract = defineService("lenient", { handlers: { find: { input: z.string().optional() } } });
    const { requestBody } = operation(openApi(contract), "/v1/lenient/keys/{key}/find");
    expect(requestBody).toMatchObject({ required: false });
  });

  test("names the headers that a request may have", () => {
    const document = openApi(accounts);
    const { parameters } = operation(document, `${KEY_PATH}/deposit`);
    const names = (parameters as JsonObject[]).map(({ $ref }) => at(document, [...path($ref), "name"]));
    expect(names).toEqual(
      expect.arrayContaining(["Idempotency-Key", "Prefer", "Request-Timeout", "Delay", "Delay-Until"]),
    );
    const accepted = at(document, ["paths", `${KEY_PATH}/deposit`, "post", "responses", "202"]) as JsonObject;
    expect(Object.keys(accepted.headers as JsonObject)).toContain("Location");
  });

  test("has a problem for each status, with the codes of the table that have it", () => {
    const document = openApi(accounts);
    const { responses } = operation(document, `${KEY_PATH}/balance`) as { responses: JsonObject };
    const problems = Object.entries(responses).filter(([status]) => Number(status) >= 400);
    expect(problems.map(([status]) => Number(status))).toEqual(
      expect.arrayContaining([400, 404, 408, 410, 413, 422, 429, 500, 502, 503, 504]),
    );
    for (const [status, response] of problems) {
      const text = JSON.stringify(at(response as JsonObject, ["content", "application/problem+json"]));
      const codes = [...text.matchAll(/SHARDCAST_[A-Z_]+/g)].map(([code]) => code);
      expect(codes).not.toEqual([]);
      for (const code of codes) {
        const ofTable = ERROR_TABLE[code as keyof typeof ERROR_TABLE].status;
        // The status of a refusal is its handler's to choose.
        if (code !== "SHARDCAST_HANDLER_REFUSED") expect([code, ofTable]).toEqual([code, Number(status)]);
      }
    }
    for (const status of ["429", "503"]) {
      expect(at(responses, [status, "headers", "Retry-After"])).toBeDefined();
    }
  });

  test("says what is declared as an error, beside what else has its status", () => {
    const document = openApi(accounts);
    const { responses } = operation(document, `${KEY_PATH}/deposit`) as { responses: JsonObject };
    const schema = (status: string) =>
      at(responses, [status, "content", "application/problem+json", "schema"]) as JsonObject;
    expect(schema("409")).toEqual({ $ref: "#/components/schemas/deposit_insufficient_funds" });
    expect(at(document, "#/components/schemas/deposit_insufficient_funds")).toMatchObject({
      allOf: [
        { $ref: "#/components/schemas/Problem" },
        {
          required: ["error", "details"],
          properties: {
            error: { const: "insufficient_funds" },
            details: { $ref: "#/components/schemas/deposit_insufficient_funds_details" },
          },
        },
      ],
    });
    expect(schema("422").anyOf).toEqual([expect.anything(), { $ref: "#/components/schemas/deposit_closed" }]);
  });

  test("keeps handlers apart whose names look the same in a document, and encodes their paths", () => {
    const document = openApi(accounts);
    const slashed = operation(document, `${KEY_PATH}/tree/plant`);
    const spaced = operation(document, `${KEY_PATH}/tree%20plant`);
    expect([slashed.operationId, spaced.operationId]).toEqual(["tree_plant", "tree_plant_2"]);
    expect(at(document, ["components", "schemas", "tree_plant_2_input", "description"])).toMatch(/Date/);
  });

  test("a schema that points into itself does so where it is put", () => {
    const document = openApi(accounts);
    const schemas = (document.components as JsonObject).schemas as JsonObject;
    expect(at(schemas, ["tree_plant_input", "properties", "children", "items"])).toEqual({
      $ref: "#/components/schemas/tree_plant_input",
    });
    expect(refsOf(schemas.tree_plant_output as JsonObject)).toContainEqual(
      expect.stringMatching(/^#\/components\/schemas\/tree_plant_output\/\$defs\//),
    );
  });

  test("what a schema does not say in JSON Schema is anything, and it says why", () => {
    const document = openApi(purses);
    const schemas = (document.components as JsonObject).schemas as JsonObject;
    expect(schemas.deposit_input).toMatchObject({ properties: { amount: { exclusiveMinimum: 0 } } });
    expect(schemas.deposit_output).toEqual({ description: expect.stringContaining("valibot") });
  });

  test("names the declared broadcasts and what each takes, and has what asks for one by its id (C6)", () => {
    const path = "/v1/accounts/broadcasts";
    const document = openApi(accounts);
    const { parameters, requestBody } = operation(document, path);
    const handler = (parameters as JsonObject[]).find(({ name }) => name === "handler");
    expect(handler).toMatchObject({ in: "query", required: true, schema: { enum: ["rates-changed"] } });
    const $ref = "#/components/schemas/broadcast_rates-changed_input";
    expect(requestBody).toMatchObject({
      required: true,
      content: { "application/json": { schema: { $ref } } },
    });
    expect(at(document, $ref)).toMatchObject({ properties: { rate: { type: "number" } } });
    expect(at(document, ["paths", `${path}/{id}`, "get", "operationId"])).toBe("getBroadcast");
    expect(Object.keys(openApi(purses).paths as JsonObject)).not.toContain("/v1/purses/broadcasts");
  });

  test("a broadcast's body may be left out where one of those declared takes none", () => {
    const broadcasts = { full: { input: z.object({ a: z.int() }) }, empty: {}, other: { input: z.int() } };
    const document = openApi(defineService("x", { handlers: {}, broadcasts }));
    const { requestBody } = operation(document, "/v1/x/broadcasts");
    expect(requestBody).toMatchObject({ required: false });
    expect(at(requestBody, ["content", "application/json", "schema", "anyOf"])).toHaveLength(2);
  });

  test("has what asks for a request by its id, and who has a key", () => {
    const document = openApi(accounts);
    expect(Object.keys(document.paths as JsonObject)).toEqual(
      expect.arrayContaining([KEY_PATH, "/v1/accounts/requests/{id}", "/v1/accounts/requests/{id}/events"]),
    );
    const { get: ask, delete: cancel } = at(document, ["paths", "/v1/accounts/requests/{id}"]) as JsonObject;
    const statuses = (each: unknown) => Object.keys((each as { responses: JsonObject }).responses);
    expect(statuses(ask)).toEqual(expect.arrayContaining(["200", "202", "204", "404", "default"]));
    expect(statuses(cancel)).toEqual(expect.arrayContaining(["202", "404", "409"]));
    expect(at(document, ["paths", KEY_PATH, "get", "operationId"])).toBe("getOwner");
  });
});

function refsOf(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([member, inner]) =>
    member === "$ref" && typeof inner === "string" ? [inner] : refsOf(inner),
  );
}

function path(ref: unknown): string[] {
  return String(ref).slice(2).split("/");
}
