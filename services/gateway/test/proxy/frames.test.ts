import { describe, expect, it } from "vitest";
import { Frames, goingAway } from "../../src/proxy/websocket/frames.ts";

/** One frame, masked or not, as it is sent. */
function frame(length: number, masked: boolean): Buffer {
  const extended = length <= 125 ? 0 : length < 65_536 ? 2 : 8;
  const head = Buffer.alloc(2 + extended + (masked ? 4 : 0));
  head[0] = 0x82;
  head[1] = (masked ? 0x80 : 0) | (extended === 0 ? length : extended === 2 ? 126 : 127);
  if (extended === 2) head.writeUInt16BE(length, 2);
  if (extended === 8) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, Buffer.alloc(length, 0xff)]);
}

describe("the borders of WebSocket frames", () => {
  const lengths = [0, 1, 125, 126, 127, 65_535, 65_536, 100_000];
  it.each([true, false])("are found however the bytes are cut (masked: %s)", (masked) => {
    const all = lengths.map((length) => frame(length, masked));
    const borders = new Set<number>();
    let end = 0;
    for (const each of all) {
      end += each.byteLength;
      borders.add(end);
    }
    const bytes = Buffer.concat(all);
    for (const size of [1, 2, 3, 7, 1_000, bytes.byteLength]) {
      const frames = new Frames();
      const wrong: number[] = [];
      for (let at = 0; at < bytes.byteLength; at += size) {
        const chunk = bytes.subarray(at, at + size);
        const first = frames.push(chunk);
        const inside = [...borders].filter((border) => border > at && border <= at + chunk.byteLength);
        const isRight =
          first === (inside.length === 0 ? -1 : Math.min(...inside) - at) &&
          frames.between === borders.has(at + chunk.byteLength);
        if (!isRight) wrong.push(at);
      }
      expect(wrong).toEqual([]);
    }
  });

  it("are kept by what we say ourselves", () => {
    for (const toServer of [true, false]) {
      const frames = new Frames();
      expect(frames.push(goingAway(toServer))).toBe(goingAway(toServer).byteLength);
    }
  });
});
