import { expect, test } from "vitest";
import { leaks } from "../src/leak.ts";

const held = { heapBytes: 30_000_000, pending: 0, resources: { PipeWrap: 1, TCPServerWrap: 1 } };

test("what is still held is a leak; what was given back since is not", () => {
  expect(leaks(held, { ...held, heapBytes: 20_000_000, resources: { PipeWrap: 1 } })).toEqual([]);
  expect(leaks(held, { ...held, pending: 2 })).toEqual(["2 requests are pending"]);
  expect(leaks(held, { ...held, heapBytes: 40_000_000 })).toEqual(["the heap grew from 30.0 MB to 40.0 MB"]);
  expect(leaks(held, { ...held, resources: { ...held.resources, TCPSocketWrap: 3 } })).toEqual([
    "3 of TCPSocketWrap, 0 before",
  ]);
});
