import { defineService } from "@shardcast/contract";
import { describe, expect, expectTypeOf, test, vi } from "vitest";
import { z } from "zod";
import type { BroadcastContext, BroadcastMessage } from "../src/broadcast-handler.ts";
import { implementBroadcast } from "../src/index.ts";

const Rates = z.object({
  percent: z.number().min(0),
  from: z.iso.date().transform((text) => new Date(text)),
});
const contract = defineService("accounts", {
  handlers: {},
  broadcasts: { "rates-changed": { input: Rates }, flush: {} },
});

const CONTEXT = {} as BroadcastContext;

function message(body: string): BroadcastMessage {
  const bytes = Buffer.from(body);
  return {
    id: "b",
    handler: "rates-changed",
    contentType: "application/json",
    headers: {},
    body: bytes,
    text: () => bytes.toString(),
    json: <T>() => JSON.parse(bytes.toString()) as T,
  };
}

describe("the implementation of a declared broadcast", () => {
  test("gets what the schema reads, and replies with what it returns (C6)", async () => {
    const handler = implementBroadcast(contract, "rates-changed", ({ input, broadcast, context }) => {
      expectTypeOf(input).toEqualTypeOf<{ percent: number; from: Date }>();
      return [input, broadcast.id, context === CONTEXT];
    });
    const sent = message('{"percent":2,"from":"2026-01-01"}');
    const read = { percent: 2, from: new Date("2026-01-01") };
    expect(await handler(sent, CONTEXT)).toEqual([read, "b", true]);
  });

  test.each([
    ["does not fit", '{"percent":-1,"from":"2026-01-01"}', 422, "/percent"],
    ["lacks a field", '{"percent":1}', 422, "/from"],
    ["is empty", "", 422, ""],
  ])(
    "is not called with a body that %s, and the refusal names the field",
    async (_, body, status, pointer) => {
      const implementation = vi.fn();
      const handler = implementBroadcast(contract, "rates-changed", implementation);
      await expect(handler(message(body), CONTEXT)).rejects.toMatchObject({
        name: "TerminalError",
        status,
        message: expect.stringContaining(`body: ${pointer}`),
        details: { issues: [{ pointer, message: expect.any(String) }] },
      });
      expect(implementation).not.toHaveBeenCalled();
    },
  );

  test("is not called with what is no JSON", async () => {
    const implementation = vi.fn();
    const handler = implementBroadcast(contract, "rates-changed", implementation);
    await expect(handler(message("<xml/>"), CONTEXT)).rejects.toMatchObject({
      name: "TerminalError",
      status: 400,
      message: "body: not valid JSON",
    });
    expect(implementation).not.toHaveBeenCalled();
  });

  test("gets nothing where nothing is declared, and a body is refused there", async () => {
    const handler = implementBroadcast(contract, "flush", ({ input }) => {
      expectTypeOf(input).toEqualTypeOf<undefined>();
      return input;
    });
    expect(await handler(message(""), CONTEXT)).toBeUndefined();
    await expect(handler(message("{}"), CONTEXT)).rejects.toMatchObject({ status: 422 });
  });

  test("of a name that the contract does not declare is refused", () => {
    for (const name of ["other", "toString"]) {
      expect(() => implementBroadcast(contract, name as "flush", () => {})).toThrow(
        expect.objectContaining({
          code: "SHARDCAST_INVALID_CONFIG",
          message: expect.stringContaining(`${name}: is not in the contract`),
        }),
      );
    }
  });
});
