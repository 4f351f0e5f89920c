import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { PROBLEM_JSON, ShardcastError } from "@shardcast/protocol";
import { problemAnswer } from "./problems.ts";

/**
 * Answers what never became a request: bytes that are not HTTP, headers too large, a request too slow. The connection
 * is closed, since nobody knows where its next request begins.
 */
export function answerClientError(error: Error & { readonly code?: string }, socket: Socket): void {
  // Reset by the caller, or being closed already: nobody reads an answer.
  if (error.code === "ECONNRESET" || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, body } = problemAnswer(refusal(error.code));
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n` +
      `Content-Type: ${PROBLEM_JSON}\r\nContent-Length: ${body.byteLength}\r\nConnection: close\r\n\r\n${body}`,
    // `end` alone would wait for the caller to close as well.
    () => socket.destroy(),
  );
}

function refusal(code: string | undefined): ShardcastError {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return new ShardcastError("SHARDCAST_HEADERS_TOO_LARGE", "request line and headers are too large");
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new ShardcastError("SHARDCAST_REQUEST_TIMEOUT", "the request did not arrive in time");
    default:
      return new ShardcastError("SHARDCAST_INVALID_REQUEST", "these bytes are not an HTTP request");
  }
}
