import { expect, test } from "vitest";
import { faultOf, parseAnswers } from "../src/http/answer.ts";

const parse = (text: string, methods: string[] = []) => parseAnswers(Buffer.from(text, "latin1"), methods);

test("reads pipelined answers: by length, by chunks, without a body", () => {
  const { answers, fault, cut } = parse(
    "HTTP/1.1 100 Continue\r\n\r\n" +
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab" +
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" +
      "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" +
      "HTTP/1.1 204 No Content\r\n\r\n",
    ["POST", "POST", "HEAD", "POST"],
  );
  expect({ fault, cut }).toEqual({ fault: undefined, cut: false });
  expect(answers.map(({ status, body }) => [status, body.toString()])).toEqual([
    [200, "ab"],
    [200, "abc"],
    [200, ""],
    [204, ""],
  ]);
});

test("is strict about what it reads", () => {
  expect(parse("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab").cut).toBe(true);
  expect(parse("junk\r\n\r\n").fault).toContain("status line");
  expect(parse("HTTP/1.1 200 OK\r\nbad header\r\n\r\n").fault).toContain("header line");
  expect(parse("HTTP/1.1 200 OK\r\n\r\nab").fault).toContain("end of the connection");
  expect(parse("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na").fault).toContain(
    "twice",
  );
});

test("a refusal must be a problem of the table", () => {
  const refusal = (status: number, problem: object) => {
    const body = JSON.stringify(problem);
    const head = `HTTP/1.1 ${status} X\r\nContent-Type: application/problem+json\r\nContent-Length: ${body.length}`;
    const [answer] = parse(`${head}\r\n\r\n${body}`).answers;
    return answer === undefined ? "no answer" : faultOf(answer);
  };
  const code = "SHARDCAST_NOT_FOUND";
  const good = {
    type: `urn:shardcast:problem:${code}`,
    title: "t",
    detail: "d",
    status: 404,
    retryable: false,
    code,
  };
  expect(refusal(404, good)).toBeUndefined();
  expect(refusal(400, good)).toContain("whose problem says 404");
  expect(refusal(404, { ...good, code: "OTHER" })).toContain("with code");
  expect(refusal(500, good)).toContain("500");
});
