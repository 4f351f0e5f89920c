import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { Dispatcher } from "undici";
import { answerHeaders } from "./headers.ts";

/** What the plugin makes of an answer. */
export interface Answered {
  readonly statusCode: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: UpstreamAnswer;
}

export type AnswerCallback = (error: Error | null, answer?: Answered) => void;

/** So few bytes cost less as a copy than as a second buffer to write. */
const SMALL = 4_096;

/** Nothing of the request has left: whoever it was for can not have seen it, whatever its method. */
export class NotSent extends Error {
  constructor(cause: Error) {
    super(cause.message, { cause });
    this.name = "NotSent";
  }
}

/** The answer of an upstream, on its way to the caller. */
export class UpstreamAnswer implements Dispatcher.DispatchHandler {
  readonly #raw: ServerResponse;
  readonly #callback: AnswerCallback;
  #controller: Dispatcher.DispatchController | undefined;
  #begun = false;
  #sending = false;
  /** Its head has left, or does with what is written. */
  #flushed = false;
  /** Bytes of the body that are to come; NaN where nobody says. */
  #left = Number.NaN;
  #ended = false;

  constructor(raw: ServerResponse, callback: AnswerCallback) {
    this.#raw = raw;
    this.#callback = callback;
    raw.on("close", this.#onClose);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // It may have waited long for a connection.
    if (this.#raw.destroyed) controller.abort(left());
    else this.#controller = controller;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    statusCode: number,
    headers: IncomingHttpHeaders,
  ): void {
    // What is said before the answer is the connection's affair.
    if (statusCode < 200) return;
    this.#begun = true;
    this.#callback(null, { statusCode, headers, body: this });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#sending) return;
    const raw = this.#raw;
    this.#flushed = true;
    this.#left -= chunk.byteLength;
    if (this.#left === 0) {
      // With its last bytes: one write instead of two.
      this.#ended = true;
      // Of a text Node makes one piece with the head.
      if (chunk.byteLength <= SMALL) raw.end(chunk.toString("latin1"), "latin1");
      else raw.end(chunk);
    } else if (!raw.write(chunk)) {
      controller.pause();
      raw.once("drain", () => controller.resume());
    }
  }

  onResponseEnd(_controller: Dispatcher.DispatchController, trailers: IncomingHttpHeaders): void {
    const raw = this.#raw;
    if (!this.#sending) raw.off("close", this.#onClose);
    if (!this.#sending || this.#ended) return;
    this.#flushed = true;
    for (const _ in trailers) {
      raw.addTrailers(trailers as Record<string, string>);
      break;
    }
    raw.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    if (!this.#begun) {
      this.#raw.off("close", this.#onClose);
      this.#callback(this.#controller === undefined ? new NotSent(error) : error);
      return;
    }
    // The caller must not take a part for the whole.
    if (this.#sending && !this.#ended) this.#raw.destroy();
  }

  /** Sends it on. @throws what Node throws for headers that are no HTTP */
  send(request: IncomingMessage, status: number, headers: IncomingHttpHeaders): void {
    const flat = answerHeaders(headers);
    // Where the next request begins is known only when this one's body has come.
    if (!request.complete) flat.push("connection", "close");
    this.#raw.writeHead(status, flat);
    this.#sending = true;
    flushSoon(this);
    const length = headers["content-length"];
    const bodyless = request.method === "HEAD" || status === 204 || status === 304;
    if (length !== undefined && !bodyless) this.#left = Number(length);
  }

  /** For nobody. Called by the plugin as well, when the caller has left. */
  destroy(): void {
    this.#raw.off("close", this.#onClose);
    this.#controller?.abort(left());
  }

  /** Sends the head alone, if nothing has followed it. */
  flush(): void {
    if (!this.#flushed && !this.#raw.destroyed) this.#raw.flushHeaders();
  }

  readonly #onClose = (): void => {
    if (!this.#raw.writableFinished) this.destroy();
  };
}

const unflushed: UpstreamAnswer[] = [];

/** Most bodies come with their head, and then both leave together; who has none yet may be waited for (events). */
function flushSoon(answer: UpstreamAnswer): void {
  if (unflushed.push(answer) === 1) setImmediate(flushAll);
}

function flushAll(): void {
  for (const answer of unflushed.splice(0)) answer.flush();
}

function left(): Error {
  return new Error("nobody waits for the answer");
}
