import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";
import { Visits } from "../src/visits.ts";

const limits = { maxInFlight: 10, maxBufferedBytes: 1_000, bodyLimitBytes: 600 };

function exchange(headers: Record<string, string>, socket = new EventEmitter()) {
  const response = Object.assign(new EventEmitter(), { writableFinished: false });
  return {
    socket,
    response,
    request: { headers, socket } as unknown as IncomingMessage,
    asResponse: response as unknown as ServerResponse,
  };
}

describe("Visits", () => {
  it("counts what is announced, the limit where nothing is, and what is held later", () => {
    const visits = new Visits(limits);
    for (const [headers, bytes] of [
      [{}, 0],
      [{ "content-length": "7" }, 7],
      [{ "content-length": "601" }, 600],
      [{ "transfer-encoding": "chunked" }, 600],
    ] as [Record<string, string>, number][]) {
      const { request, response, asResponse } = exchange(headers);
      const visit = visits.begin(request, asResponse);
      expect(visits.bytes).toBe(bytes);
      visit.hold(5_000);
      expect(visits.bytes).toBe(5_000);
      response.emit("close");
      visit.hold(1);
      expect([visits.size, visits.bytes]).toEqual([0, 0]);
    }
  });

  it("a finished response ends it, and leaves one listener on its connection, however many there were", () => {
    const visits = new Visits(limits);
    const connection = new EventEmitter();
    for (let i = 0; i < 3; i++) {
      const { request, response, asResponse } = exchange({ "content-length": "7" }, connection);
      const { signal } = visits.begin(request, asResponse);
      response.writableFinished = true;
      response.emit("close");
      expect([visits.size, visits.bytes, connection.listenerCount("close")]).toEqual([0, 0, 1]);
      expect(signal.aborted).toBe(false);
    }
    connection.emit("close");
    expect([visits.size, visits.bytes]).toEqual([0, 0]);
  });

  it("the end of the connection ends every visit on it once, also those whose turn has not come", () => {
    const visits = new Visits(limits);
    const socket = new EventEmitter();
    const exchanges = [exchange({}, socket), exchange({ "content-length": "7" }, socket)];
    const signals = exchanges.map(({ request, asResponse }) => visits.begin(request, asResponse).signal);
    socket.emit("close");
    expect([visits.size, visits.bytes]).toEqual([0, 0]);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
    for (const { response } of exchanges) response.emit("close");
    expect([visits.size, visits.bytes]).toEqual([0, 0]);
  });

  it("each ends alone, in whatever order, and only those that are open are told to be the last", () => {
    const visits = new Visits(limits);
    const exchanges = ["1", "2", "4", "8"].map((length) => exchange({ "content-length": length }));
    const told: string[] = [];
    for (const [i, { request, asResponse }] of exchanges.entries()) {
      visits.begin(request, asResponse);
      Object.assign(asResponse, { headersSent: false, setHeader: () => told.push(`${i}`) });
    }
    const end = (i: number) => exchanges[i]?.response.emit("close");
    end(1);
    expect([visits.size, visits.bytes]).toEqual([3, 13]);
    end(3);
    end(1);
    expect([visits.size, visits.bytes]).toEqual([2, 5]);
    visits.lastOnTheirConnections();
    expect(told.sort()).toEqual(["0", "2"]);
    end(0);
    end(2);
    expect([visits.size, visits.bytes]).toEqual([0, 0]);
  });

  it("tells by its signal that the caller has left, also who asks only then", () => {
    const visits = new Visits(limits);
    const [gone, served] = [exchange({}), exchange({})];
    const late = [gone, served].map(({ request, asResponse }) => visits.begin(request, asResponse));
    served.response.writableFinished = true;
    for (const { response } of [gone, served]) response.emit("close");
    expect(late.map(({ signal }) => signal.aborted)).toEqual([true, false]);
  });

  it("lets one in though its body alone is over the budget", () => {
    const visits = new Visits({ ...limits, bodyLimitBytes: 5_000 });
    const big = exchange({ "content-length": "2000" });
    visits.begin(big.request, big.asResponse);
    const small = exchange({});
    expect(() => visits.begin(small.request, small.asResponse)).toThrow(/held already/);
  });
});
