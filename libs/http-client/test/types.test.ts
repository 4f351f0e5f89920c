import type * as sdk from "@shardcast/client";
import type { Client } from "@shardcast/client";
import { defineService, typed } from "@shardcast/contract";
import { describe, expectTypeOf, test } from "vitest";
import { z } from "zod";
import type * as http from "../src/index.ts";
import type { HttpClient } from "../src/index.ts";

/** Checked by the compiler. */
describe("the types", () => {
  test("let who takes the client over HTTP take the client over the log", () => {
    expectTypeOf<Client>().toExtend<http.HttpClient>();
    expectTypeOf<sdk.Reply>().toExtend<http.Reply>();
    expectTypeOf<sdk.RequestStatus>().toExtend<http.RequestStatus>();
  });

  test("of what is asked are the same", () => {
    expectTypeOf<http.RequestOptions>().toEqualTypeOf<sdk.RequestOptions>();
    expectTypeOf<http.SubmitOptions>().toEqualTypeOf<sdk.SubmitOptions>();
    expectTypeOf<http.ResultOptions>().toEqualTypeOf<sdk.ResultOptions>();
    expectTypeOf<http.EventOptions>().toEqualTypeOf<sdk.EventOptions>();
    expectTypeOf<http.WatchOptions>().toEqualTypeOf<sdk.WatchOptions>();
    expectTypeOf<http.BroadcastOptions>().toEqualTypeOf<sdk.BroadcastOptions>();
    expectTypeOf<http.BroadcastStatusOptions>().toEqualTypeOf<sdk.BroadcastStatusOptions>();
    expectTypeOf<http.BroadcastEventOptions>().toEqualTypeOf<sdk.BroadcastEventOptions>();
    expectTypeOf<http.Body>().toEqualTypeOf<sdk.Body>();
    expectTypeOf<Parameters<http.HttpClient["request"]>>().toEqualTypeOf<Parameters<Client["request"]>>();
  });

  test("of what is told of broadcasts are the same", () => {
    expectTypeOf<http.Broadcast>().toEqualTypeOf<sdk.Broadcast>();
    expectTypeOf<http.BroadcastsApi>().toEqualTypeOf<sdk.BroadcastsApi>();
    expectTypeOf<http.BroadcastEnd>().toEqualTypeOf<sdk.BroadcastEnd>();
  });

  test("of what is told are the same, but for the bytes of bodies and what HTTP does not tell", () => {
    expectTypeOf<sdk.Owner>().toExtend<http.Owner>();
    expectTypeOf<sdk.Shards>().toExtend<http.Shards>();
    type Told = keyof http.MemberPlace | "discoveryAgeMs";
    expectTypeOf<Omit<http.Owner, Told>>().branded.toEqualTypeOf<sdk.Owner>();
    expectTypeOf<Omit<http.Member, Told>>().branded.toEqualTypeOf<sdk.Member>();
    expectTypeOf<Omit<http.Reply, "body">>().toEqualTypeOf<Omit<sdk.Reply, "body">>();
    expectTypeOf<http.RequestStatus["state"]>().toEqualTypeOf<sdk.RequestStatus["state"]>();
    expectTypeOf<http.EndedStatus["end"]>().toEqualTypeOf<sdk.EndedStatus["end"]>();
  });
});

test("what is typed by a contract is typed the same over both clients", () => {
  const contract = defineService("accounts", {
    handlers: { deposit: { input: z.object({ cents: z.int() }), output: z.object({ balance: z.int() }) } },
  });
  const over = (client: HttpClient) =>
    typed(client, contract).deposit("carol", { cents: 1 }, { timeoutMs: 5 });
  const overKafka = (client: Client) =>
    typed(client, contract).deposit("carol", { cents: 1 }, { timeoutMs: 5 });
  expectTypeOf(over).returns.toEqualTypeOf<Promise<{ balance: number }>>();
  expectTypeOf(overKafka).returns.toEqualTypeOf<Promise<{ balance: number }>>();
});
