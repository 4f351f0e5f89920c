import { describe, expect, it } from "vitest";
import { ackOf } from "../src/ack.ts";
import { parametersOf } from "../src/parameters.ts";
import { waitOf } from "../src/wait.ts";

describe("parametersOf", () => {
  it("gives those that are there, by name", () => {
    expect(parametersOf({}, ["ack", "ttl"])).toEqual({});
    expect(parametersOf({ ttl: "5", ack: "" }, ["ack", "ttl"])).toEqual({ ttl: "5", ack: "" });
  });

  it.each([
    [{ to: "all" }, /^to: is not known here; there are ack, ttl$/],
    [{ constructor: "1" }, /^constructor: /],
    [{ ack: ["all", "none"] }, /^ack: is given more than once$/],
  ])("refuses %j by name", (query: object, message) => {
    expect(() => parametersOf(query as Record<string, string>, ["ack", "ttl"])).toThrow(message);
  });
});

describe("waitOf", () => {
  it.each([
    [undefined, undefined],
    ["0", undefined],
    ["2.5", 2_500],
    ["301", 300_000],
  ])("of %j is %j ms", (wait, ms) => {
    expect(waitOf(wait, 300_000)).toBe(ms);
  });

  it.each(["", "0.0", "-1", "soon", "1e3"])("refuses %j", (wait) => {
    expect(() => waitOf(wait, 300_000)).toThrow(/^wait: /);
  });

  it("refuses two", () => {
    expect(() => waitOf(["1", "2"], 300_000)).toThrow(/^wait: is given more than once$/);
  });
});

describe("ackOf", () => {
  it.each([
    ["all", "all"],
    ["quorum", "quorum"],
    ["none", "none"],
    ["1", 1],
    ["4096", 4_096],
  ])("of %j is %j", (text, ack) => {
    expect(ackOf(text)).toBe(ack);
  });

  it.each(["", "0", "-1", "01", "1.5", "some", "ALL", "99999", "100000"])("refuses %j", (text) => {
    expect(() => ackOf(text)).toThrow(/^ack: must be all, quorum, none, or a number/);
  });
});
