import type { IncomingHttpHeaders } from "node:http";
import { setImmediate as turn } from "node:timers/promises";
import { Random } from "@shardcast/infra-random";
import { Pool } from "undici";
import { describe, expect, it } from "vitest";
import { ReadPool } from "../../../src/proxy/reads/read-pool.ts";
import { REFUSED, type Refused, TOO_LONG, VALID, type Valid } from "./support/answers.ts";
import { Recorder } from "./support/recorder.ts";
import { startUpstream } from "./support/upstream.ts";

const SEED = 20_261_122;
const MUTATIONS = 1_500;
const AT_ONCE = 16;

interface Case {
  readonly bytes: string;
  readonly method?: "GET" | "HEAD";
  /** The ends of the writes. */
  readonly cuts: readonly number[];
}

type Fields = (readonly [name: string, value: string | readonly string[]])[];

type Outcome =
  | { readonly refused: string }
  | { readonly status: number; readonly headers: Fields; readonly body: string; readonly trailers: Fields };

/** Asks each case of both: undici, and ours. */
async function askBoth(cases: readonly Case[]): Promise<{ undici: Outcome; ours: Outcome }[]> {
  const upstream = await startUpstream(async ({ path, socket }) => {
    const { bytes, cuts } = cases[Number(path.slice(1))] as Case;
    let from = 0;
    for (const to of [...cuts, bytes.length]) {
      if (socket.destroyed) return;
      socket.write(bytes.slice(from, to), "latin1");
      from = to;
      await turn();
    }
    socket.end();
  });
  const outcomes: { undici: Outcome; ours: Outcome }[] = [];
  const left = cases.map((each, i) => ({ ...each, i }));
  const ask = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const { i, method = "GET" } = next;
      const timeouts = { headersTimeout: 5_000, bodyTimeout: 5_000 };
      // Of their own for each: what remains of one must not be the next one's.
      const undici = new Pool(upstream.url, { allowH2: false, connections: 1, ...timeouts });
      const ours = new ReadPool(upstream.url, {
        connections: 1,
        ...timeouts,
        connect: {},
        onEmpty: () => {},
      });
      const [theirs, mine] = await Promise.all(
        [undici, ours].map(async (dispatcher) => {
          const recorder = new Recorder();
          dispatcher.dispatch({ path: `/${i}`, method, headers: [] }, recorder);
          return outcomeOf(await recorder.ended);
        }),
      );
      outcomes[i] = { undici: theirs as Outcome, ours: mine as Outcome };
      await Promise.all([undici.destroy(), ours.destroy()]);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, ask));
  return outcomes;
}

function outcomeOf({ error, status, headers, trailers, body }: Recorder): Outcome {
  if (error !== undefined) return { refused: error.name };
  return { status, headers: fieldsOf(headers), body, trailers: fieldsOf(trailers) };
}

function fieldsOf(fields: IncomingHttpHeaders): Fields {
  return Object.entries(fields) as Fields;
}

function cutsOf(random: Random, bytes: string): number[] {
  const cuts = Array.from({ length: random.between(0, 4) }, () =>
    random.between(1, Math.max(1, bytes.length - 1)),
  );
  return cuts.sort((a, b) => a - b);
}

/** Pieces of answers, put where they do not belong. */
const PIECES = [
  "\r\n",
  "\n",
  "\r",
  " ",
  "\t",
  ":",
  "\0",
  "0\r\n\r\n",
  "\r\n\r\n",
  "content-length: 3\r\n",
  "content-length : 3\r\n",
  "content-length: 3 \r\n",
  "transfer-encoding: chunked\r\n",
  "transfer-encoding: gzip, chunked\r\n",
  "connection: close\r\n",
  "connection: upgrade\r\nupgrade: x\r\n",
  " folded: 1\r\n",
  "HTTP/1.1 200 OK\r\n",
  "HTTP/1.1 103 Hints\r\n\r\n",
  "HTTP/1.1 204 None\r\n\r\n",
  "x: 1\n",
  "x\r\n",
  "5\r\nhello\r\n",
];

function mutated(random: Random, bytes: string): string {
  if (random.chance(0.5)) return random.mutate(Buffer.from(bytes, "latin1"), 2).toString("latin1");
  const ends = [...bytes.matchAll(/\r\n/g)].map(({ index }) => index + 2);
  const at = random.chance(0.7) ? random.pick([0, ...ends]) : random.between(0, bytes.length);
  const to = random.chance(0.3) ? at + random.between(0, 3) : at;
  return bytes.slice(0, at) + random.pick(PIECES) + bytes.slice(to);
}

/** Both are given the bytes; those of the list are the only ones that both do not take alike. */
interface Known {
  readonly why: string;
  readonly is: RegExp;
}

/** What ours refuses and undici takes: another reader could see another answer in the same bytes. */
const STRICTER: readonly Known[] = [
  { why: "an empty line before an answer is left over from another", is: /^[\r\n]|\r\n\r\n[\r\n]+HTTP/ },
  { why: "HTTP/0.9 and 2.0 have other rules for its end", is: /^HTTP\/(?:0\.9|2\.0)/m },
  {
    why: "controls are in no reason (RFC 9112, 4)",
    is: /^HTTP\/1\.[01] \d{3} [^\r\n]*[^\t\r\n\x20-\x7e\x80-\xff]/m,
  },
  {
    why: "codings other than chunked would have to be taken off",
    is: /^transfer-encoding:(?![\t ]*chunked[\t ]*\r\n)/im,
  },
  { why: "chunked twice is chunked in chunks", is: /^transfer-encoding:[\s\S]*^transfer-encoding:/im },
  {
    why: "it is too late to say so in a trailer (RFC 9110, 6.5.1)",
    is: /^0+(?:;[^\r\n]*)?\r\n(?:[^\r\n]+\r\n)*transfer-encoding:/im,
  },
  { why: "CR alone ends no line (RFC 9112, 2.2)", is: /\r(?!\n)/ },
  { why: "a value with a quote in it is none (RFC 9112, 7.1.1)", is: /^[\da-f]+;[^\r\n]*=[^\r\n;"]+"/im },
  { why: "HTTP/1.0 knows no chunks (RFC 9112, 6.1)", is: /^HTTP\/1\.0 [\s\S]*^transfer-encoding:/im },
  {
    why: "an extension of a chunk has a name, and a value if it says so (RFC 9112, 7.1.1)",
    is: /^[\da-f]+[^\r\n]*[;=](?:[;=]|\r\n)/im,
  },
];

/** What ours takes and undici refuses, though RFC 9110 and 9112 have a client take it. */
const MORE_LENIENT: readonly Known[] = [
  { why: "100 comes before an answer also where nobody asked (RFC 9110, 15.2)", is: /^HTTP\/1\.[01] 100/m },
  {
    why: "blanks behind a value are no part of it (RFC 9112, 5.1)",
    is: /^content-length:[^\r\n]*[\t ]\r\n/im,
  },
  {
    why: "what says that it closes the connection does so after the answer, not before (RFC 9112, 9.6)",
    is: /^HTTP\/1\.[01] 1\d\d [\s\S]*^connection:[^\r\n]*close[\s\S]*^HTTP\/1/im,
  },
];

/** What both take, and undici reads otherwise than RFC 9112 has it. */
const READ_OTHERWISE: readonly Known[] = [
  {
    why: "a tab behind chunked is no part of it (RFC 9112, 5.1)",
    is: /^transfer-encoding:[^\r\n]*\t *\r\n/im,
  },
];

/** Undici leaves them where they are. */
function withoutBlanksBehind(fields: Fields): Fields {
  const trim = (value: string) => value.replace(/[\t ]+$/, "");
  return fields.map(([name, value]) => [name, typeof value === "string" ? trim(value) : value.map(trim)]);
}

/** Why they differ; undefined where they do not. */
function difference(bytes: string, undici: Outcome, ours: Outcome): string | undefined {
  const known = (list: readonly Known[]) => list.some(({ is }) => is.test(bytes));
  if ("refused" in ours) {
    if ("refused" in undici || known(STRICTER)) return undefined;
    return "undici takes what ours refuses";
  }
  if ("refused" in undici) return known(MORE_LENIENT) ? undefined : "ours takes what undici refuses";
  const theirs = {
    ...undici,
    headers: withoutBlanksBehind(undici.headers),
    trailers: withoutBlanksBehind(undici.trailers),
  };
  if (JSON.stringify(theirs) === JSON.stringify(ours) || known(READ_OTHERWISE)) return undefined;
  return "they are not the same";
}

describe("ReadPool makes of an answer what undici makes of it", () => {
  const random = new Random(SEED);
  const cut = <T extends { readonly bytes: string }>(each: T) => ({
    ...each,
    cuts: cutsOf(random, each.bytes),
  });

  it("when it is valid", async () => {
    const outcomes = await askBoth(VALID.map(cut));
    for (const [i, { undici, ours }] of outcomes.entries()) {
      const { name, status, headers, body = "", trailers = [], undiciRefuses } = VALID[i] as Valid;
      expect(ours, name).toEqual({ status, headers, body, trailers });
      expect("refused" in undici, name).toBe(undiciRefuses !== undefined);
      if (!("refused" in undici))
        expect(withoutBlanksBehind(undici.headers), name).toEqual(withoutBlanksBehind(headers as Fields));
      if (!("refused" in undici)) expect([undici.status, undici.body], name).toEqual([status, body]);
    }
  });

  it("when it is none, but for those of which the table says why", async () => {
    const table: readonly Refused[] = [...REFUSED, ...TOO_LONG];
    const outcomes = await askBoth(table.map(cut));
    for (const [i, { undici, ours }] of outcomes.entries()) {
      const { name, error = "HTTPParserError", undiciTakes } = table[i] as Refused;
      // What has no end of a head ends with the connection, or of its length.
      expect(["SocketError", error], name).toContain("refused" in ours ? ours.refused : "taken");
      expect("refused" in undici, name).toBe(undiciTakes === undefined);
    }
  });

  it(`when it was spoiled by chance (seed ${SEED})`, async () => {
    const cases = Array.from({ length: MUTATIONS }, () => {
      const { method = "GET", bytes } = random.pick(VALID);
      return cut({ method, bytes: mutated(random, bytes) });
    });
    const outcomes = await askBoth(cases);
    const count = { taken: 0, refused: 0 };
    const faults: unknown[] = [];
    for (const [i, { undici, ours }] of outcomes.entries()) {
      const each = cases[i] as Case;
      const why = difference(each.bytes, undici, ours);
      if (why !== undefined) faults.push({ why, seed: SEED, case: i, ...each, undici, ours });
      count["refused" in ours ? "refused" : "taken"]++;
    }
    expect(faults).toEqual([]);
    // Else there was nothing to compare.
    expect(Math.min(count.taken, count.refused)).toBeGreaterThan(MUTATIONS / 10);
  });
});
