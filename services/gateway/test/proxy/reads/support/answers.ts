/** An answer as it is sent, in latin1, and what is to be made of it. */
export interface Valid {
  readonly name: string;
  readonly bytes: string;
  readonly method?: "GET" | "HEAD";
  /** Its end is the connection's. */
  readonly untilClose?: true;
  readonly status: number;
  readonly headers: readonly Field[];
  readonly body?: string;
  readonly trailers?: readonly Field[];
  /** Why undici refuses it, where it does. */
  readonly undiciRefuses?: string;
}

/** What is no answer. */
export interface Refused {
  readonly name: string;
  readonly bytes: string;
  readonly method?: "GET" | "HEAD";
  readonly error?: "HeadersOverflowError";
  /** Why ours refuses it, where undici does not. */
  readonly undiciTakes?: string;
}

type Field = readonly [name: string, value: string | readonly string[]];

export const MOST_HEAD_BYTES = 16_384;

/** A head with a field that makes it so long, without the empty line after it. */
function headOf(bytes: number): string {
  const begin = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx: ";
  return begin + "x".repeat(bytes - begin.length);
}

const OBS_TEXT = Array.from({ length: 128 }, (_, i) => String.fromCharCode(0x80 + i)).join("");
const CHUNKED = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
const LOOKS_LIKE_A_HEAD = "HTTP/1.1 500 No\r\nContent-Length: 3\r\n\r\nabc0\r\n\r\n\r\n";

const chunked = { status: 200, headers: [["transfer-encoding", "chunked"]] } as const;
const sized = (bytes: number, headers: readonly Field[] = []) => ({
  status: 200,
  headers: [["content-length", `${bytes}`], ...headers] as readonly Field[],
});

export const VALID: readonly Valid[] = [
  {
    name: "Content-Length",
    bytes: "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
    ...sized(5),
    body: "hello",
  },
  { name: "Content-Length: 0", bytes: "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", ...sized(0) },
  {
    name: "Content-Length with zeros before",
    bytes: "HTTP/1.1 200 OK\r\ncontent-length: 0005\r\n\r\nhello",
    status: 200,
    headers: [["content-length", "0005"]],
    body: "hello",
  },
  {
    name: "a body that looks like a head",
    bytes: `HTTP/1.1 200 OK\r\ncontent-length: ${LOOKS_LIKE_A_HEAD.length}\r\n\r\n${LOOKS_LIKE_A_HEAD}`,
    ...sized(LOOKS_LIKE_A_HEAD.length),
    body: LOOKS_LIKE_A_HEAD,
  },
  {
    name: "chunks",
    bytes: `${CHUNKED}5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n`,
    ...chunked,
    body: "hello world",
  },
  { name: "no chunk", bytes: `${CHUNKED}0\r\n\r\n`, ...chunked },
  {
    name: "chunks with sizes in hexadecimal of both cases and zeros before them",
    bytes: `${CHUNKED}0A\r\n0123456789\r\n1b\r\n${"x".repeat(27)}\r\n000\r\n\r\n`,
    ...chunked,
    body: `0123456789${"x".repeat(27)}`,
  },
  {
    name: "chunks that look like sizes and heads",
    bytes: `${CHUNKED}7\r\n\r\n0\r\n\r\n\r\n${LOOKS_LIKE_A_HEAD.length.toString(16)}\r\n${LOOKS_LIKE_A_HEAD}\r\n0\r\n\r\n`,
    ...chunked,
    body: `\r\n0\r\n\r\n${LOOKS_LIKE_A_HEAD}`,
  },
  {
    name: "chunks with extensions",
    bytes: `${CHUNKED}5;name=value\r\nhello\r\n1;a;b="c d"\r\n!\r\n0;last\r\n\r\n`,
    ...chunked,
    body: "hello!",
  },
  {
    name: "chunks and trailers",
    bytes: `${CHUNKED}5\r\nhello\r\n0\r\nX-Sum: 1\r\nx-sum:  2 \r\nX-Other:\r\n\r\n`,
    ...chunked,
    body: "hello",
    trailers: [
      ["x-sum", ["1", "2"]],
      ["x-other", ""],
    ],
  },
  {
    name: "Transfer-Encoding in capitals",
    bytes: "HTTP/1.1 200 OK\r\nTRANSFER-ENCODING: CHUNKED\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    status: 200,
    headers: [["transfer-encoding", "CHUNKED"]],
    body: "x",
  },
  {
    name: "a body until the connection is closed",
    bytes: "HTTP/1.1 200 OK\r\n\r\nhello\r\n\r\nHTTP/1.1 ",
    untilClose: true,
    status: 200,
    headers: [],
    body: "hello\r\n\r\nHTTP/1.1 ",
  },
  {
    name: "no body until the connection is closed",
    bytes: "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n",
    untilClose: true,
    status: 200,
    headers: [["connection", "close"]],
  },
  {
    name: "HTTP/1.0 until the connection is closed",
    bytes: "HTTP/1.0 200 OK\r\nserver: old\r\n\r\nhello",
    untilClose: true,
    status: 200,
    headers: [["server", "old"]],
    body: "hello",
  },
  {
    name: "HTTP/1.0 with a Content-Length",
    bytes: "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi",
    ...sized(2),
    body: "hi",
  },
  { name: "204", bytes: "HTTP/1.1 204 No Content\r\n\r\n", status: 204, headers: [] },
  {
    name: "204 that says a length",
    bytes: "HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n",
    status: 204,
    headers: [["content-length", "5"]],
  },
  {
    name: "304 that says the length of what was not modified",
    bytes: 'HTTP/1.1 304 Not Modified\r\netag: "1"\r\ncontent-length: 1000\r\n\r\n',
    status: 304,
    headers: [
      ["etag", '"1"'],
      ["content-length", "1000"],
    ],
  },
  {
    name: "HEAD with a Content-Length",
    method: "HEAD",
    bytes: "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n",
    ...sized(1000),
  },
  { name: "HEAD in chunks", method: "HEAD", bytes: CHUNKED, ...chunked },
  {
    name: "HEAD without a length",
    method: "HEAD",
    bytes: "HTTP/1.1 404 Not Found\r\n\r\n",
    status: 404,
    headers: [],
  },
  {
    name: "what is said before the answer",
    bytes:
      "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\ncontent-length: 7\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi",
    ...sized(2),
    body: "hi",
  },
  {
    name: "100 before the answer, though nobody asked whether to go on",
    bytes: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi",
    ...sized(2),
    body: "hi",
    undiciRefuses: "undici takes it for a fault; a client must take it even so (RFC 9110, 15.2)",
  },
  {
    name: "fields that are repeated",
    bytes:
      "HTTP/1.1 200 OK\r\nSet-Cookie: a=1; path=/\r\nVia: 1.1 a\r\nset-cookie: b=2\r\nVIA: 1.1 b\r\nvia: 1.1 c\r\ncontent-length: 0\r\n\r\n",
    status: 200,
    headers: [
      ["set-cookie", ["a=1; path=/", "b=2"]],
      ["via", ["1.1 a", "1.1 b", "1.1 c"]],
      ["content-length", "0"],
    ],
  },
  {
    name: "one set-cookie",
    bytes: "HTTP/1.1 200 OK\r\nset-cookie: a=1\r\ncontent-length: 0\r\n\r\n",
    status: 200,
    headers: [
      ["set-cookie", "a=1"],
      ["content-length", "0"],
    ],
  },
  {
    name: "names in any case, and of every character that a name may have",
    bytes: "HTTP/1.1 200 OK\r\ncOnTeNt-LENGTH: 2\r\n!#$%&'*+.^_`|~0-9A: x\r\n\r\nhi",
    ...sized(2, [["!#$%&'*+.^_`|~0-9a", "x"]]),
    body: "hi",
  },
  {
    name: "blanks around values",
    bytes: "HTTP/1.1 200 OK\r\ncontent-length:  2\r\na:b\r\nc: \t d \t e \r\nf:\r\ng:   \r\n\r\nhi",
    ...sized(2, [
      ["a", "b"],
      ["c", "d \t e"],
      ["f", ""],
      ["g", ""],
    ]),
    body: "hi",
  },
  ...[" ", "\t"].map((blank) => ({
    name: `${JSON.stringify(blank)} behind a Content-Length`,
    bytes: `HTTP/1.1 200 OK\r\ncontent-length: 2${blank}\r\n\r\nhi`,
    ...sized(2),
    body: "hi",
    undiciRefuses: "undici takes the blank for a digit, though it is no part of the value (RFC 9112, 5.1)",
  })),
  {
    name: "colons in values",
    bytes: "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nlocation: http://a:1/b:c\r\nx: :\r\n\r\n",
    ...sized(0, [
      ["location", "http://a:1/b:c"],
      ["x", ":"],
    ]),
  },
  {
    name: "obs-text in a value, the reason and a trailer",
    bytes: `HTTP/1.1 200 ${OBS_TEXT}\r\nx: ${OBS_TEXT}\r\ntransfer-encoding: chunked\r\n\r\n0\r\ny: ${OBS_TEXT}\r\n\r\n`,
    status: 200,
    headers: [
      ["x", OBS_TEXT],
      ["transfer-encoding", "chunked"],
    ],
    trailers: [["y", OBS_TEXT]],
  },
  {
    name: "fields named like what every object has",
    bytes:
      "HTTP/1.1 200 OK\r\n__proto__: a\r\nconstructor: b\r\ntoString: c\r\nhasOwnProperty: d\r\n__proto__: e\r\ncontent-length: 0\r\n\r\n",
    status: 200,
    headers: [
      ["__proto__", ["a", "e"]],
      ["constructor", "b"],
      ["tostring", "c"],
      ["hasownproperty", "d"],
      ["content-length", "0"],
    ],
  },
  { name: "an empty reason", bytes: "HTTP/1.1 200 \r\ncontent-length: 0\r\n\r\n", ...sized(0) },
  { name: "no reason", bytes: "HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", ...sized(0) },
  {
    name: "a status that nobody knows",
    bytes: "HTTP/1.1 799 ?\r\ncontent-length: 2\r\n\r\nhi",
    status: 799,
    headers: [["content-length", "2"]],
    body: "hi",
  },
  {
    name: "a reason with colons and blanks",
    bytes: "HTTP/1.1 200 content-length: 9 \r\ncontent-length: 0\r\n\r\n",
    ...sized(0),
  },
];

/** Too long for every table: as long as a head may be. */
export const LONGEST_HEAD = `${headOf(MOST_HEAD_BYTES)}\r\n\r\n`;

const STRICT_VERSION = "other versions have other rules for the end of a body and of a connection";
const STRICT_ENCODING = "other codings would have to be taken off, and nobody sends them";
const SHADOWED = "which of the two counts is read in two ways";

const withFields = (fields: string, rest = "hello") => `HTTP/1.1 200 OK\r\n${fields}\r\n\r\n${rest}`;
const withField = (field: string, rest = "hello") => withFields(`content-length: 5\r\n${field}`, rest);

export const REFUSED: readonly Refused[] = [
  { name: "no status line", bytes: "content-length: 5\r\n\r\nhello" },
  { name: "nothing but the end of a head", bytes: "\r\n\r\n" },
  {
    name: "an empty line before the status line",
    bytes: "\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
    undiciTakes: "it is left over from an answer before, whose end was read in two ways",
  },
  { name: "HTTP/2", bytes: "HTTP/2 200\r\ncontent-length: 5\r\n\r\nhello" },
  {
    name: "HTTP/2.0",
    bytes: "HTTP/2.0 200 OK\r\ncontent-length: 5\r\n\r\nhello",
    undiciTakes: STRICT_VERSION,
  },
  {
    name: "HTTP/0.9",
    bytes: "HTTP/0.9 200 OK\r\ncontent-length: 5\r\n\r\nhello",
    undiciTakes: STRICT_VERSION,
  },
  { name: "HTTP/1.2", bytes: "HTTP/1.2 200 OK\r\ncontent-length: 5\r\n\r\nhello" },
  { name: "http in small letters", bytes: "http/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello" },
  { name: "a protocol that begins alike", bytes: "HTTPS/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello" },
  { name: "a status of two digits", bytes: "HTTP/1.1 20 OK\r\ncontent-length: 5\r\n\r\nhello" },
  { name: "a status of four digits", bytes: "HTTP/1.1 2000 OK\r\ncontent-length: 5\r\n\r\nhello" },
  { name: "a status below 100", bytes: "HTTP/1.1 099 OK\r\ncontent-length: 5\r\n\r\nhello" },
  { name: "two blanks before the status", bytes: "HTTP/1.1  200 OK\r\ncontent-length: 5\r\n\r\nhello" },
  { name: "a tab before the status", bytes: "HTTP/1.1\t200 OK\r\ncontent-length: 5\r\n\r\nhello" },
  {
    name: "NUL in the reason",
    bytes: "HTTP/1.1 200 O\0K\r\ncontent-length: 5\r\n\r\nhello",
    undiciTakes: "controls are in no reason (RFC 9112, 4)",
  },
  { name: "a bare CR after the status line", bytes: "HTTP/1.1 200 OK\rcontent-length: 5\r\n\r\nhello" },
  { name: "a bare LF after the status line", bytes: "HTTP/1.1 200 OK\ncontent-length: 5\r\n\r\nhello" },
  { name: "a bare CR in a value", bytes: withField("x: a\rb") },
  { name: "a bare CR before the end of a line", bytes: withField("x: a\r") },
  { name: "a bare LF in a value", bytes: withField("x: a\ny: b") },
  { name: "a bare LF before the end of a line", bytes: withField("x: a\n") },
  ...["\0", "\x01", "\x08", "\x0b", "\x0c", "\x1b", "\x1f", "\x7f"].flatMap((control) => [
    { name: `the control ${JSON.stringify(control)} in a value`, bytes: withField(`x: a${control}b`) },
    { name: `the control ${JSON.stringify(control)} in a name`, bytes: withField(`x${control}y: a`) },
  ]),
  {
    name: "a folded line",
    bytes: withField("x: a\r\n b"),
  },
  {
    name: "a line folded by a tab, with a colon",
    bytes: withField("x: a\r\n\tcontent-length: 0"),
  },
  { name: "a folded line before any field", bytes: withFields(" x: a\r\ncontent-length: 5") },
  { name: "a blank before a colon", bytes: withFields("content-length : 5") },
  { name: "a tab before a colon", bytes: withFields("content-length\t: 5") },
  { name: "a blank in a name", bytes: withField("x y: a") },
  { name: "an empty name", bytes: withField(": a") },
  { name: "obs-text in a name", bytes: withField("x\xe9: a") },
  { name: "a line without a colon", bytes: withField("x") },
  { name: "a line without a colon before one with it", bytes: withField("x\r\ny: b") },
  { name: "Content-Length twice", bytes: withFields("content-length: 5\r\ncontent-length: 5") },
  { name: "Content-Length twice, not the same", bytes: withFields("content-length: 5\r\nContent-Length: 0") },
  ...[
    "-5",
    "+5",
    "5,5",
    "5, 5",
    "0x5",
    "5.0",
    "5 5",
    "five",
    "",
    "5e0",
    "1".repeat(16),
    "9".repeat(30),
    "\xb2",
  ].map((value) => ({
    name: `Content-Length: ${value}`,
    bytes: withFields(`content-length: ${value}`),
  })),
  {
    name: "Content-Length twice in an answer to HEAD",
    method: "HEAD",
    bytes: withFields("content-length: 5\r\ncontent-length: 6", ""),
  },
  {
    name: "both Content-Length and Transfer-Encoding",
    bytes: withField("transfer-encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"),
  },
  {
    name: "both Transfer-Encoding and Content-Length",
    bytes: withFields("transfer-encoding: chunked\r\ncontent-length: 5", "5\r\nhello\r\n0\r\n\r\n"),
  },
  {
    name: "both in an answer to HEAD",
    method: "HEAD",
    bytes: withField("transfer-encoding: chunked", ""),
  },
  ...[
    "gzip",
    "gzip, chunked",
    "chunked, gzip",
    "chunked, chunked",
    "identity",
    "xchunked",
    "chunked;a=b",
    "",
  ].map((value) => ({
    name: `Transfer-Encoding: ${value}`,
    bytes: withFields(`transfer-encoding: ${value}`, "5\r\nhello\r\n0\r\n\r\n"),
    undiciTakes: STRICT_ENCODING,
  })),
  {
    name: "Transfer-Encoding twice",
    bytes: withFields("transfer-encoding: chunked\r\ntransfer-encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"),
    undiciTakes: SHADOWED,
  },
  {
    name: "Transfer-Encoding in HTTP/1.0",
    bytes: "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    undiciTakes: "who speaks HTTP/1.0 does not know it (RFC 9112, 6.1)",
  },
  ...[
    "5 ",
    "5\t",
    "5 ;a",
    "5;a b",
    '5;a="b"c',
    '5;a="b',
    "5; a",
    "",
    "g",
    "0x5",
    "+5",
    "-5",
    " 5",
    "5 x",
    "5,",
    "\t5",
    "5\x01",
    "5;a\x01",
    "5;\0",
    "5\n",
    "5;a\n",
    "5\rx",
    "5;\r",
    "f".repeat(14),
    "f".repeat(17),
  ].map((size) => ({
    name: `${JSON.stringify(size)} as the size of a chunk`,
    bytes: `${CHUNKED}${size}\r\nhello\r\n0\r\n\r\n`,
  })),
  { name: "a chunk that is longer than it says", bytes: `${CHUNKED}4\r\nhello\r\n0\r\n\r\n` },
  {
    name: "a chunk that is much longer than it says",
    bytes: `${CHUNKED}4\r\nhell${"o".repeat(2_000)}\r\n0\r\n\r\n`,
  },
  { name: "a chunk that is shorter than it says", bytes: `${CHUNKED}6\r\nhello\r\n0\r\n\r\n` },
  { name: "a chunk that ends with LF", bytes: `${CHUNKED}5\r\nhello\n0\r\n\r\n` },
  { name: "a chunk that ends with CR", bytes: `${CHUNKED}5\r\nhello\r0\r\n\r\n` },
  { name: "a chunk that ends with LF CR LF", bytes: `${CHUNKED}5\r\nhello\n\r\n0\r\n\r\n` },
  { name: "a trailer without a colon", bytes: `${CHUNKED}0\r\nx\r\n\r\n` },
  { name: "a trailer with a bare LF", bytes: `${CHUNKED}0\r\nx: a\ny: b\r\n\r\n` },
  { name: "a trailer with NUL", bytes: `${CHUNKED}0\r\nx: \0\r\n\r\n` },
  { name: "a trailer with a blank before its colon", bytes: `${CHUNKED}0\r\nx : a\r\n\r\n` },
  { name: "a trailer that says how long the body is", bytes: `${CHUNKED}0\r\ncontent-length: 5\r\n\r\n` },
  {
    name: "a trailer that says how the body came",
    bytes: `${CHUNKED}0\r\ntransfer-encoding: chunked\r\n\r\n`,
    undiciTakes: "it is too late for that, and it would mislead who gets them (RFC 9110, 6.5.1)",
  },
  {
    name: "a trailer that is folded",
    bytes: `${CHUNKED}0\r\nx: a\r\n b\r\n\r\n`,
  },
  {
    name: "an extension without the value that it announces",
    bytes: `${CHUNKED}5;a=\r\nhello\r\n0\r\n\r\n`,
    undiciTakes: "there is none (RFC 9112, 7.1.1)",
  },
  {
    name: "an extension without a name",
    bytes: `${CHUNKED}5;;a\r\nhello\r\n0\r\n\r\n`,
    undiciTakes: "there is none (RFC 9112, 7.1.1)",
  },
  {
    name: "Content-Length twice in what is said before the answer",
    bytes: `HTTP/1.1 103 Hints\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n${withFields("content-length: 5")}`,
  },
  {
    name: "101",
    bytes: "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nhello",
  },
  {
    name: "101 without an upgrade",
    bytes: "HTTP/1.1 101 Switching Protocols\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
  },
];

/** What is longer than it may be: cut at fewer places, since they are many. */
export const TOO_LONG: readonly Refused[] = [
  ...[1, 2, 3, 4, 5, 100, 4_000, 20_000, 40_000].map((more) => ({
    name: `a head that is ${more} bytes too long`,
    bytes: `${headOf(MOST_HEAD_BYTES + more)}\r\n\r\n`,
    error: "HeadersOverflowError" as const,
    ...(more <= 5 ? { undiciTakes: "undici counts names and values alone" } : {}),
  })),
  { name: "a head without an end", bytes: headOf(MOST_HEAD_BYTES + 40_000), error: "HeadersOverflowError" },
  {
    name: "a head of too many fields",
    bytes: `HTTP/1.1 200 OK\r\n${"name-of-it: a value\r\n".repeat(1_000)}\r\n`,
    error: "HeadersOverflowError",
  },
  {
    name: "trailers of too many fields",
    bytes: `${CHUNKED}0\r\n${"name-of-it: a value\r\n".repeat(1_000)}\r\n`,
    error: "HeadersOverflowError",
  },
  ...[0, 1, 4_000, 40_000].map((more) => ({
    name: `a trailer whose value is ${more} bytes longer than a head`,
    bytes: `${CHUNKED}0\r\nx: ${"x".repeat(MOST_HEAD_BYTES + more)}\r\n\r\n`,
    error: "HeadersOverflowError" as const,
  })),
  {
    name: "a trailer without an end",
    bytes: `${CHUNKED}0\r\nx: ${"x".repeat(50_000)}`,
    error: "HeadersOverflowError",
  },
  {
    name: "the extension of a chunk, with an end",
    bytes: `${CHUNKED}5;${"x".repeat(1_500)}\r\nhello\r\n0\r\n\r\n`,
    undiciTakes: "nobody means anything with it",
  },
  {
    name: "the extension of a chunk, without an end",
    bytes: `${CHUNKED}5;${"x".repeat(20_000)}`,
  },
  { name: "the size of a chunk, without an end", bytes: `${CHUNKED}${"0".repeat(20_000)}` },
];
