import { errors } from "undici";
import { describe, expect, it } from "vitest";
import type { Framing } from "../../../src/proxy/reads/framing.ts";
import type { ResponseHead } from "../../../src/proxy/reads/head.ts";
import { ResponseParser, type ResponseSink } from "../../../src/proxy/reads/response-parser.ts";
import { LONGEST_HEAD, REFUSED, type Refused, TOO_LONG, VALID, type Valid } from "./support/answers.ts";

/** What a parser told, and in what order. */
class Told implements ResponseSink {
  readonly order: string[] = [];
  status = 0;
  headers: unknown[] = [];
  trailers: unknown[] = [];
  body = "";

  onHead({ status, headers }: ResponseHead, _framing: Framing): void {
    this.order.push("head");
    this.status = status;
    this.headers = Object.entries(headers);
  }

  onBody(buffer: Buffer, from: number, to: number): void {
    if (this.order.at(-1) !== "body") this.order.push("body");
    this.body += buffer.toString("latin1", from, to);
  }

  onEnd(trailers: object): void {
    this.order.push("end");
    this.trailers = Object.entries(trailers);
  }
}

interface Outcome {
  readonly told: Told;
  readonly done: boolean;
  /** Whether each piece was of the answer. */
  readonly whole: boolean;
}

/** Feeds pieces as a connection does: one buffer for all, which has more in it than what has come. */
function read(pieces: readonly string[], { method = "GET", untilClose }: Partial<Valid & Refused>): Outcome {
  const told = new Told();
  const parser = new ResponseParser(told);
  parser.begin(method);
  const buffer = Buffer.alloc(Math.max(...pieces.map(({ length }) => length)) + 8);
  let whole = true;
  for (const piece of pieces) {
    // What was read before is still there, and is nobody's.
    buffer.fill("\r\n\r\n0\r\n", piece.length);
    buffer.write(piece, "latin1");
    whole = parser.execute(buffer, piece.length) && whole;
  }
  if (untilClose) expect([parser.done, parser.finish()]).toEqual([false, true]);
  else expect(parser.finish()).toBe(false);
  return { told, done: parser.done, whole };
}

/** All at once, byte by byte, and in two at every place. */
function* cuts(bytes: string, every = 1): Generator<readonly string[]> {
  yield [bytes];
  yield [...bytes];
  for (let at = 1; at < bytes.length; at += every) yield [bytes.slice(0, at), bytes.slice(at)];
}

const expected = (valid: Valid) => ({
  order: ["head", ...(valid.body === undefined ? [] : ["body"]), "end"],
  status: valid.status,
  headers: valid.headers,
  trailers: valid.trailers ?? [],
  body: valid.body ?? "",
});

/** Where the pieces were cut, for the message of a failure. */
const placeOf = (pieces: readonly string[]) =>
  pieces.length === 2 ? `cut at ${pieces[0]?.length}` : `${pieces.length} pieces`;

describe("an answer is the same however its bytes come", () => {
  it.each(VALID)("$name", (valid) => {
    for (const pieces of cuts(valid.bytes)) {
      const { told, done, whole } = read(pieces, valid);
      expect({ ...told, done, whole }, placeOf(pieces)).toEqual({
        ...expected(valid),
        done: true,
        whole: true,
      });
    }
  });

  it("also when its head is as long as a head may be", () => {
    for (const pieces of cuts(LONGEST_HEAD, 61)) {
      const { told, done } = read(pieces, {});
      expect([told.order, told.status, done], placeOf(pieces)).toEqual([["head", "end"], 200, true]);
    }
  });

  it("and so is the next one on the same connection", () => {
    const told = new Told();
    const parser = new ResponseParser(told);
    for (const valid of VALID) {
      parser.begin(valid.method ?? "GET");
      parser.execute(Buffer.from(valid.bytes, "latin1"), valid.bytes.length);
      if (valid.untilClose) parser.finish();
      expect([parser.done, told.body]).toEqual([true, valid.body ?? ""]);
      told.body = "";
    }
    // Nothing of one that broke off goes into the next.
    parser.begin("GET");
    parser.execute(Buffer.from("HTTP/1.1 500 No\r\nx: "), 20);
    parser.begin("GET");
    const { bytes } = VALID[0] as Valid;
    parser.execute(Buffer.from(bytes), bytes.length);
    expect([parser.done, told.status, told.body]).toEqual([true, 200, "hello"]);
  });
});

describe("bytes behind an answer", () => {
  const complete = VALID.filter(({ untilClose }) => !untilClose);
  it.each(complete)("are told, and are nobody's: $name", (valid) => {
    for (const more of ["x", "\n", valid.bytes]) {
      for (const pieces of cuts(valid.bytes + more)) {
        const { told, done, whole } = read(pieces, { ...valid });
        expect({ ...told, done, whole }, placeOf(pieces)).toEqual({
          ...expected(valid),
          done: true,
          whole: false,
        });
      }
    }
  });
});

describe("an answer that ends before its end", () => {
  const complete = VALID.filter(({ untilClose }) => !untilClose);
  it.each(complete)("is none: $name", (valid) => {
    for (let end = 1; end < valid.bytes.length; end++) {
      const { told, done, whole } = read([valid.bytes.slice(0, end)], valid);
      expect([told.order.includes("end"), done, whole], `without all after ${end}`).toEqual([
        false,
        false,
        true,
      ]);
    }
  });
});

describe("what is no answer is refused however its bytes come", () => {
  it.each(REFUSED)("$name", (refused) => {
    for (const pieces of cuts(refused.bytes)) refuses(pieces, refused);
  });

  it.each(TOO_LONG)("too long: $name", (refused) => {
    const { bytes } = refused;
    for (const pieces of cuts(bytes, 211)) refuses(pieces, refused);
    // Around the borders, where a byte more or less counts.
    for (const border of [1_024, 16_384])
      for (let at = border - 60; at < Math.min(border + 60, bytes.length); at++)
        refuses([bytes.slice(0, at), bytes.slice(at)], refused);
  });

  function refuses(pieces: readonly string[], refused: Refused): void {
    const told = new Told();
    const parser = new ResponseParser(told);
    parser.begin(refused.method ?? "GET");
    const feed = () => {
      for (const piece of pieces) parser.execute(Buffer.from(piece, "latin1"), piece.length);
    };
    const kind = refused.error === undefined ? errors.HTTPParserError : errors.HeadersOverflowError;
    expect(feed, placeOf(pieces)).toThrow(kind);
    expect([parser.done, told.order.includes("end")], placeOf(pieces)).toEqual([false, false]);
  }
});

describe("what the sink throws", () => {
  it.each(["onHead", "onBody", "onEnd"] as const)("goes through, when it is thrown by %s", (method) => {
    const told = new Told();
    told[method] = () => {
      throw new Error("enough");
    };
    const parser = new ResponseParser(told);
    parser.begin("GET");
    const { bytes } = VALID[0] as Valid;
    expect(() => parser.execute(Buffer.from(bytes), bytes.length)).toThrow("enough");
  });
});
