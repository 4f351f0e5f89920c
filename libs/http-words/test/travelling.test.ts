import { describe, expect, it } from "vitest";
import { traceparentOf } from "../src/traceparent.ts";
import { travellingHeaders } from "../src/travelling.ts";

describe("travellingHeaders", () => {
  it("are those that are configured and there", () => {
    const headers = { "x-a": "1", "x-c": "3", "set-cookie": ["a=1", "b=2"] };
    expect(travellingHeaders(headers, ["x-a", "x-b", "set-cookie"])).toEqual({
      "x-a": "1",
      "set-cookie": "a=1, b=2",
    });
    expect(travellingHeaders(headers, [])).toEqual({});
  });

  it("are an event's attributes before them", () => {
    const attributes = { "ce-id": "7" };
    expect(travellingHeaders({ "x-a": "1" }, [], attributes)).toEqual(attributes);
    expect(travellingHeaders({ "x-a": "1", "ce-id": "8" }, ["x-a", "ce-id"], attributes)).toEqual({
      "x-a": "1",
      "ce-id": "7",
    });
  });
});

describe("traceparentOf", () => {
  const valid = `00-${"0af7".repeat(8)}-${"b7ad".repeat(4)}-01`;

  it("gives what is valid", () => {
    expect(traceparentOf({ traceparent: valid })).toBe(valid);
  });

  it.each([undefined, "", "x", valid.toUpperCase(), `${valid}-more`, ` ${valid}`, `${valid}\n`])(
    "passes nothing on for %j",
    (traceparent) => {
      expect(traceparentOf(traceparent === undefined ? {} : { traceparent })).toBeUndefined();
    },
  );
});
