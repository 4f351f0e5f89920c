import { fastify } from "fastify";
import { expect, it } from "vitest";
import type { Backend } from "../src/backend.ts";
import { HotKeys } from "../src/hot-keys.ts";
import { addHotKeyRoutes } from "../src/routes/hot-keys.ts";
import { Visits } from "../src/visits.ts";

it("a key that is not UTF-8 is told as base64, with a flag", async () => {
  const hotKeys = new HotKeys();
  for (const key of [Buffer.of(0xff, 0x00), Buffer.of(0xff, 0x00), Buffer.from("Zoë")]) {
    hotKeys.saw("accounts", 1, key);
  }
  const app = fastify();
  app.decorateRequest("visit", null);
  const backend = { assertOpen: () => {} } as unknown as Backend;
  const visits = new Visits({ maxInFlight: 1, maxBufferedBytes: 1, bodyLimitBytes: 1 });
  addHotKeyRoutes(app, { backend, visits, hotKeys });
  const answer = await app.inject("/v1/accounts/hot-keys");
  expect(answer.json().lanes).toEqual([
    {
      lane: 1,
      requests: 3,
      keys: [
        { key: "/wA=", base64: true, count: 2, share: 0.667 },
        { key: "Zoë", count: 1, share: 0.333 },
      ],
    },
  ]);
});
