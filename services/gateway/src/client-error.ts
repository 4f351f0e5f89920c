import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { problemAnswer } from "@shardcast/http-words";
import { PROBLEM_JSON, ShardcastError } from "@shardcast/protocol";

/** The newest answer on each connection, begun or not. */
const answers = new WeakMap<Duplex, ServerResponse>();

/** To be called with every request, so that a later error on its connection can tell whose bytes are at fault. */
export function noteAnswer(request: IncomingMessage, response: ServerResponse): void {
  answers.set(request.socket, response);
}

/**
 * Answers what never became a request: bytes that are not HTTP, headers too large, a request too slow. The connection
 * is closed, since nobody knows where its next request begins.
 */
export function answerClientError(error: Error & { readonly code?: string }, socket: Duplex): void {
  // Reset by the caller, or being closed already: nobody reads an answer. Answered already: a second one could be taken
  // for the answer to the next request.
  if (error.code === "ECONNRESET" || socket.destroyed || !socket.writable || hasBegunAnswer(socket)) {
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

/** Whether the request that the bytes belong to, or one before it, is being answered or was, before it had come in full. */
function hasBegunAnswer(socket: Duplex): boolean {
  const answer = answers.get(socket);
  return answer?.headersSent === true && !(answer.writableFinished && answer.req.complete);
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
