import { isErrorCode, PROBLEM_JSON } from "@shardcast/protocol";

export interface HttpAnswer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
  /** No body by rule, whatever Content-Length says. */
  readonly head: boolean;
}

export interface Parsed {
  readonly answers: readonly HttpAnswer[];
  /** What is not HTTP in these bytes. */
  readonly fault: string | undefined;
  /** The last answer was not complete. */
  readonly cut: boolean;
}

const STATUS_LINE = /^HTTP\/1\.1 ([1-5][0-9]{2}) [\t\x20-\x7e]*$/;
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/;
const ONCE = ["content-length", "content-type", "transfer-encoding", "date"];

/** Reads answers strictly: what a lenient client would repair is a fault here. */
export function parseAnswers(bytes: Buffer, methods: readonly string[]): Parsed {
  const answers: HttpAnswer[] = [];
  let rest = bytes;
  while (rest.length > 0) {
    const headEnd = rest.indexOf("\r\n\r\n");
    if (headEnd < 0) return { answers, fault: undefined, cut: true };
    const [statusLine = "", ...lines] = rest.subarray(0, headEnd).toString("latin1").split("\r\n");
    const status = Number(STATUS_LINE.exec(statusLine)?.[1]);
    if (Number.isNaN(status))
      return { answers, fault: `status line ${JSON.stringify(statusLine)}`, cut: false };
    const headers = new Map<string, string>();
    for (const line of lines) {
      const [, name, value] = FIELD.exec(line) ?? [];
      if (name === undefined || value === undefined) {
        return { answers, fault: `header line ${JSON.stringify(line.slice(0, 200))}`, cut: false };
      }
      const lower = name.toLowerCase();
      if (headers.has(lower) && ONCE.includes(lower)) {
        return { answers, fault: `${lower} twice`, cut: false };
      }
      headers.set(lower, value.trimEnd());
    }
    rest = rest.subarray(headEnd + 4);
    if (status < 200) continue; // 100 Continue
    const head = methods[answers.length] === "HEAD" && !isRefusedUnread(status, headers, rest);
    const body = readBody(rest, headers, head || status === 204 || status === 304);
    if (typeof body === "string") return { answers, fault: body, cut: false };
    if (body === undefined) return { answers, fault: undefined, cut: true };
    answers.push({ status, headers, body: body.body, head });
    rest = rest.subarray(body.length);
  }
  return { answers, fault: undefined, cut: false };
}

/** Bytes that could not be parsed are refused, with a body, before anybody knows that they were a HEAD. */
function isRefusedUnread(status: number, headers: ReadonlyMap<string, string>, rest: Buffer): boolean {
  return status >= 400 && headers.get("connection") === "close" && rest.toString("latin1", 0, 1) === "{";
}

/** The body and how many bytes it took; undefined when it is cut, text when it is wrong. */
function readBody(
  rest: Buffer,
  headers: ReadonlyMap<string, string>,
  none: boolean,
): { body: Buffer; length: number } | string | undefined {
  const encoding = headers.get("transfer-encoding");
  const length = headers.get("content-length");
  if (encoding !== undefined && length !== undefined) return "both Content-Length and Transfer-Encoding";
  if (none) return { body: Buffer.alloc(0), length: 0 };
  if (encoding !== undefined) return encoding === "chunked" ? readChunks(rest) : `encoding ${encoding}`;
  if (length === undefined) return "a body that only the end of the connection ends";
  if (!/^[0-9]+$/.test(length)) return `Content-Length ${length}`;
  const end = Number(length);
  return rest.length < end ? undefined : { body: rest.subarray(0, end), length: end };
}

function readChunks(bytes: Buffer): { body: Buffer; length: number } | string | undefined {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const text = bytes.subarray(at, lineEnd).toString("latin1");
    if (!/^[0-9a-fA-F]+$/.test(text)) return `chunk size ${JSON.stringify(text.slice(0, 100))}`;
    const size = Number.parseInt(text, 16);
    const end = lineEnd + 2 + size;
    if (bytes.length < end + 2) return undefined;
    if (bytes.toString("latin1", end, end + 2) !== "\r\n") return "a chunk without its end";
    parts.push(bytes.subarray(lineEnd + 2, end));
    at = end + 2;
    if (size === 0) return { body: Buffer.concat(parts), length: at };
  }
}

/** What is wrong with an answer of the gateway's own; undefined when nothing is. */
export function faultOf({ status, headers, body, head }: HttpAnswer): string | undefined {
  if (status === 500) return `500: ${body.toString("utf8").slice(0, 500)}`;
  if (status < 400) return undefined;
  const type = headers.get("content-type");
  if (type !== PROBLEM_JSON) return `${status} of type ${type}`;
  if (head) return undefined;
  let problem: Record<string, unknown>;
  try {
    problem = JSON.parse(body.toString("utf8")) as Record<string, unknown>;
  } catch {
    return `${status} with a body that is not JSON`;
  }
  const { code, detail, title, retryable } = problem;
  if (typeof code !== "string" || !isErrorCode(code)) return `${status} with code ${JSON.stringify(code)}`;
  if (problem.status !== status) return `${status} whose problem says ${JSON.stringify(problem.status)}`;
  if (problem.type !== `urn:shardcast:problem:${code}`) return `${code} of type ${String(problem.type)}`;
  if (typeof detail !== "string" || typeof title !== "string" || typeof retryable !== "boolean") {
    return `${code} without detail, title or retryable`;
  }
  return undefined;
}
