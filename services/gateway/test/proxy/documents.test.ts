import { Validator } from "@seriousme/openapi-schema-validator";
import { describe, expect, it } from "vitest";
import { startGateway } from "../support/gateway.ts";
import { call } from "../support/http.ts";

const PATH = "/v1/{service}/proxy/{key}/{path}";

describe("the OpenAPI document of a gateway that proxies", () => {
  // The validator compiles the whole specification.
  it("has the owner's paths, and is one by OpenAPI's own schema", { timeout: 60_000 }, async () => {
    const { gateway } = await startGateway({ proxy: true });
    const document = JSON.parse((await call(gateway, "/openapi.json", { method: "GET" })).body.toString());
    expect(Object.keys(document.paths[PATH])).toEqual(
      expect.arrayContaining(["parameters", "get", "put", "post", "delete", "patch"]),
    );
    const { errors, valid } = await new Validator().validate(structuredClone(document));
    expect([errors, valid]).toEqual([undefined, true]);
    const ids = JSON.stringify(document).match(/"operationId":"[^"]*"/g) ?? [];
    expect(ids).toHaveLength(new Set(ids).size);
  });

  it("is that of others otherwise", async () => {
    const { gateway } = await startGateway();
    const document = JSON.parse((await call(gateway, "/openapi.json", { method: "GET" })).body.toString());
    expect(document.paths[PATH]).toBeUndefined();
  });
});
