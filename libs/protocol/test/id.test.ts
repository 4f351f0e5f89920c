import fc from "fast-check";
import { expect, onTestFinished, test, vi } from "vitest";
import {
  idempotentRequestId,
  isRequestId,
  laneOfRequestId,
  MAX_LANES,
  newId,
  newRequestId,
  timeOfRequestId,
} from "../src/index.ts";

const lane = fc.nat(MAX_LANES - 1);

test("a request id names its lane, and is new every time", () => {
  fc.assert(
    fc.property(lane, (lane) => {
      const ids = [newRequestId(lane), newRequestId(lane)];
      expect(ids[0]).not.toBe(ids[1]);
      for (const id of ids) {
        expect(isRequestId(id)).toBe(true);
        expect(laneOfRequestId(id, MAX_LANES)).toBe(lane);
        expect(laneOfRequestId(id, lane)).toBeUndefined(); // the service has fewer
      }
    }),
  );
});

test("a request id says when it was made", () => {
  vi.useFakeTimers({ now: 1_790_000_000_123 });
  onTestFinished(() => void vi.useRealTimers());
  expect(timeOfRequestId(newRequestId(7))).toBe(1_790_000_000_123);
});

test("C5: the id of an idempotency key is the same for everybody, and another for another key, shard key or service", () => {
  const text = fc.string({ maxLength: 20 });
  fc.assert(
    fc.property(text, text, text, lane, (service, shardKey, key, lane) => {
      const id = idempotentRequestId(service, Buffer.from(shardKey), key, lane);
      expect(idempotentRequestId(service, Buffer.from(shardKey), key, lane)).toBe(id);
      expect(isRequestId(id)).toBe(true);
      expect(laneOfRequestId(id, MAX_LANES)).toBe(lane);
      expect(timeOfRequestId(id)).toBeUndefined();
      // also where the parts, put together, are the same text
      expect(idempotentRequestId(service, Buffer.from(`${shardKey}x`), key, lane)).not.toBe(
        idempotentRequestId(service, Buffer.from(shardKey), `x${key}`, lane),
      );
      expect(idempotentRequestId(`${service}x`, Buffer.from(shardKey), key, lane)).not.toBe(
        idempotentRequestId(service, Buffer.from(`x${shardKey}`), key, lane),
      );
    }),
  );
});

test("what is no id of ours names no lane", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.uuid({ version: 4 })), (text) => {
      expect(laneOfRequestId(text, MAX_LANES)).toBeUndefined();
      expect(timeOfRequestId(text)).toBeUndefined();
    }),
  );
  expect(laneOfRequestId(newId(), MAX_LANES)).toBeTypeOf("number"); // whatever it is
});
