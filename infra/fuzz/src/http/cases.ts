import type { Random } from "@shardcast/infra-random";
import type { Forgery } from "../target/forger.ts";
import { BODY_LIMIT_BYTES, ECHO_SERVICE, FORGED_HANDLER } from "../target/settings.ts";
import type { Ending, Step } from "./exchange.ts";
import {
  anyBody,
  anyFraming,
  anyHeaders,
  anyMethod,
  anyTarget,
  chunked,
  render,
  validKey,
  validTarget,
} from "./request.ts";

/** One connection's worth of input. */
export interface HttpCase {
  readonly name: string;
  readonly steps: readonly Step[];
  readonly ending: Ending;
  /** Of the requests in order, as far as they are requests. */
  readonly methods: readonly string[];
  /** How many answers end it; 0 where nobody knows. */
  readonly expected: number;
  /** Bodies that the first answers must have, each with 200. */
  readonly echoes: readonly Buffer[];
  /** An answer may end the connection, and with it the requests behind it, as Node's do that skip a 100 Continue. */
  readonly mayClose: boolean;
  /** Errors may be a handler's own, so not of our kind. */
  readonly forged: boolean;
}

type Make = (random: Random) => Partial<HttpCase> & Pick<HttpCase, "steps">;

const HOST = "Host: fuzz";

const makers: readonly (readonly [weight: number, name: string, make: Make])[] = [
  [3, "valid", (random) => validRequests(random, 1)],
  [2, "valid pipeline", (random) => validRequests(random, random.between(2, 12))],
  [8, "any request", (random) => whole(anyRequests(random, 1))],
  [2, "any pipeline", (random) => whole(anyRequests(random, random.between(2, 5)))],
  [4, "mutated request", (random) => whole(mutatedRequest(random))],
  [2, "garbage", (random) => whole(random.bytes(random.length(4_000)))],
  [2, "slow halves", slowHalves],
  [2, "early close", (random) => earlyClose(random)],
  [2, "body at its limit", (random) => bodyAtLimit(random)],
  [3, "forged reply", (random) => forgedReply(random)],
];
const bag = makers.flatMap(([weight, name, make]) => Array.from({ length: weight }, () => ({ name, make })));

export function httpCase(random: Random): HttpCase {
  const { name, make } = random.pick(bag);
  return {
    ending: "quiet",
    expected: 0,
    methods: [],
    echoes: [],
    mayClose: false,
    forged: false,
    name,
    ...make(random),
  };
}

interface Requests {
  readonly bytes: Buffer;
  readonly methods: readonly string[];
}

function whole(input: Requests | Buffer) {
  const { bytes, methods } = Buffer.isBuffer(input) ? { bytes: input, methods: [] } : input;
  return { steps: [{ bytes, pauseMs: 0 }], methods, expected: methods.length };
}

function validRequests(random: Random, count: number) {
  const echoes: Buffer[] = [];
  let mayClose = false;
  const parts = Array.from({ length: count }, () => {
    const body = random.bytes(random.between(1, 1 + random.length(2_000)));
    echoes.push(body);
    const framed = random.chance(0.3)
      ? { line: "Transfer-Encoding: chunked", bytes: chunked(random, body) }
      : { line: `Content-Length: ${body.length}`, bytes: body };
    const lines = [HOST, framed.line, "Content-Type: application/x-fuzz", "Request-Timeout: 10"];
    if (random.chance(0.1)) {
      lines.push("Expect: 100-continue");
      mayClose = true;
    }
    return render("POST", validTarget(random), lines, framed.bytes);
  });
  const bytes = Buffer.concat(parts);
  const steps = random.chance(0.5) ? whole(bytes).steps : inPieces(random, bytes, 2);
  return { steps, echoes, mayClose, expected: count, ending: "answered" as const };
}

function anyRequests(random: Random, count: number): Requests {
  const methods: string[] = [];
  const parts = Array.from({ length: count }, () => {
    const method = anyMethod(random);
    methods.push(method);
    const bodyless = method !== "POST" && random.chance(0.7);
    const { lines, bytes } = bodyless
      ? { lines: [], bytes: Buffer.alloc(0) }
      : anyFraming(random, anyBody(random));
    const host = random.chance(0.95) ? [HOST] : [];
    const version = random.chance(0.95) ? "1.1" : random.pick(["1.0", "0.9", "2.0", "1.2", "x"]);
    return render(method, anyTarget(random), [...host, ...anyHeaders(random), ...lines], bytes, version);
  });
  return { bytes: Buffer.concat(parts), methods };
}

/** Never one of HEAD: after a mutation nobody knows whose answer has no body. */
function mutatedRequest(random: Random): Buffer {
  const body = random.bytes(random.length(300));
  const { lines, bytes } = anyFraming(random, body);
  return random.mutate(render("POST", anyTarget(random), [HOST, ...anyHeaders(random), ...lines], bytes));
}

function slowHalves(random: Random) {
  const { bytes, methods } = anyRequests(random, 1);
  return { steps: inPieces(random, bytes, 12), methods };
}

function earlyClose(random: Random) {
  const { bytes, methods } = random.chance(0.5)
    ? anyRequests(random, random.between(1, 3))
    : { bytes: joined(validRequests(random, random.between(1, 5)).steps), methods: [] };
  const part = bytes.subarray(0, random.between(0, bytes.length));
  return { steps: inPieces(random, part, random.pick([0, 1, 10])), methods, ending: "destroy" as const };
}

function joined(steps: readonly Step[]): Buffer {
  return Buffer.concat(steps.map(({ bytes }) => bytes));
}

/** Over and under what the gateway takes, and what the log takes: the key and the headers count there as well. */
function bodyAtLimit(random: Random) {
  const body = Buffer.alloc(BODY_LIMIT_BYTES + random.between(-3, 3), "l");
  const key = "k".repeat(random.between(1, 4_097));
  const framed = random.chance(0.5)
    ? { line: `Content-Length: ${body.length}`, bytes: body }
    : { line: "Transfer-Encoding: chunked", bytes: chunked(random, body) };
  const lines = [HOST, framed.line, ...(random.chance(0.3) ? ["Expect: 100-continue"] : [])];
  const request = render("POST", `/v1/${ECHO_SERVICE}/keys/${key}/echo`, lines, framed.bytes);
  return { ...whole(request), expected: 1, ending: "answered" as const };
}

function forgedReply(random: Random) {
  const status = random.pick(["200", "201", "204", "205", "206", "304", "301", "404", "418", "503", "599"]);
  const odd = random.pick(["", "0", "100", "600", "abc", "1e2", "200.5", " 200"]);
  const headers: Record<string, string> = { "sc-status": random.chance(0.8) ? status : odd };
  if (random.chance(0.5))
    headers["content-type"] = random.pick(["text/plain", "", "a\u0000b", "é\u2028", "x\r\nY: z"]);
  if (random.chance(0.3)) {
    headers["sc-error"] = random.pick([
      "SHARDCAST_LANE_BUSY",
      "SHARDCAST_NEVER",
      "",
      "__proto__",
      "toString",
    ]);
    // A code that this gateway does not know is a 500, unless its newer worker gave it another error status.
    if (headers["sc-error"] !== "SHARDCAST_LANE_BUSY")
      headers["sc-status"] = random.pick(["404", "503", "599"]);
  }
  for (let i = random.between(0, 5); i > 0; i--) {
    const name = random.pick([
      ...[
        "content-length",
        "transfer-encoding",
        "connection",
        "set-cookie",
        "x-a",
        "X-A",
        "",
        " ",
        "a b",
        "é",
      ],
      ...[
        "__proto__",
        "date",
        "content-type",
        "keep-alive",
        "trailer",
        "upgrade",
        "location",
        "x\r\nInjected",
      ],
    ]);
    headers[`http-${name}`] = random.pick([
      "",
      "5",
      "chunked",
      "close",
      "a\r\nInjected: 1",
      "\u0000",
      "ü",
      "漢",
      "x",
    ]);
  }
  if (random.chance(0.1)) headers["sc-version"] = random.pick(["", "\u0000", "\u0002", "11"]);
  const problem = {
    code: random.pick(["SHARDCAST_LANE_BUSY", "SHARDCAST_NEVER", 3, null]),
    status: random.pick([409, 99, 1_000, 200, "x", null, 4.5]),
    detail: random.pick(["why", 1, null]),
    type: 1,
    title: [],
  };
  const body = random.pick([
    null,
    "",
    "text",
    "{",
    "[]",
    "null",
    JSON.stringify(problem),
    "\u00ff".repeat(50),
  ]);
  const bytes = Buffer.from(JSON.stringify({ headers, body } satisfies Forgery));
  const target = `/v1/${ECHO_SERVICE}/keys/${encodeURIComponent(validKey(random))}/${FORGED_HANDLER}`;
  const lines = [HOST, `Content-Length: ${bytes.length}`, "Request-Timeout: 5"];
  return {
    ...whole(render("POST", target, lines, bytes)),
    forged: true,
    expected: 1,
    ending: "answered" as const,
  };
}

function inPieces(random: Random, bytes: Buffer, maxPauseMs: number): Step[] {
  const steps: Step[] = [];
  for (let at = 0; at < bytes.length && steps.length < 6; ) {
    const end = steps.length === 5 ? bytes.length : at + random.between(1, bytes.length - at);
    steps.push({ bytes: bytes.subarray(at, end), pauseMs: random.between(0, maxPauseMs) });
    at = end;
  }
  return steps;
}
