import type { IncomingHttpHeaders } from "node:http";
import { errors } from "undici";
import { type Framing, framingOf } from "./framing.ts";
import { parseHead, parseTrailers, type ResponseHead } from "./head.ts";
import { malformed } from "./malformed.ts";

/** Who gets what is read. */
export interface ResponseSink {
  onHead(head: ResponseHead, framing: Framing): void;
  /** Bytes of the body: of the buffer that was given, and only during the call. */
  onBody(buffer: Buffer, from: number, to: number): void;
  onEnd(trailers: IncomingHttpHeaders): void;
}

/** Those that await text up to an end. */
type TextState =
  | { readonly kind: "head" }
  | { readonly kind: "chunk-size" }
  | { readonly kind: "chunk-end" }
  | { readonly kind: "trailers"; lines: string };

type State =
  | TextState
  | { readonly kind: "sized"; left: number }
  | { readonly kind: "until-close" }
  | { readonly kind: "chunk"; left: number }
  | { readonly kind: "done" };

/** Of undici and of Node. */
const MOST_HEAD_BYTES = 16_384;
/** A size in hexadecimal, and extensions, which mean nothing to anybody; without blanks, as undici has it. */
const CHUNK_SIZE =
  /^([0-9a-fA-F]{1,13})(?:;[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:=(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+|"(?:[\t\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"))?)*$/;
const MOST_SIZE_BYTES = 1_024;
const HEAD: State = { kind: "head" };
const UNTIL_CLOSE: State = { kind: "until-close" };
const CHUNK_SIZE_NEXT: State = { kind: "chunk-size" };
const CHUNK_END: State = { kind: "chunk-end" };
const DONE: State = { kind: "done" };
const NO_FIELDS: IncomingHttpHeaders = {};

/** Reads answers (RFC 9112), one after the other, from the bytes of a connection as they come. */
export class ResponseParser {
  readonly #sink: ResponseSink;
  #method = "GET";
  #state: State = DONE;
  /** Of a line or head that has not come in full. */
  #kept = "";

  constructor(sink: ResponseSink) {
    this.#sink = sink;
  }

  /** All of the answer was read. */
  get done(): boolean {
    return this.#state.kind === "done";
  }

  /** Awaits the answer to a request with this method: one to HEAD has no body. */
  begin(method: string): void {
    this.#method = method;
    this.#state = HEAD;
    this.#kept = "";
  }

  /**
   * Reads what has come.
   *
   * @returns false when more came than the answer: the connection is good for nothing then
   * @throws {Error} HTTPParserError or HeadersOverflowError for what is no answer, and what the sink throws; nor is it then
   */
  execute(buffer: Buffer, length: number): boolean {
    let at = 0;
    while (at < length && this.#state !== DONE) at = this.#step(this.#state, buffer, at, length);
    return at === length;
  }

  /**
   * The other side has closed the connection.
   *
   * @returns whether that was the end of the answer
   */
  finish(): boolean {
    if (this.#state.kind !== "until-close") return false;
    this.#end(NO_FIELDS);
    return true;
  }

  /** Goes on from `at`; returns up to where. */
  #step(state: State, buffer: Buffer, at: number, length: number): number {
    switch (state.kind) {
      case "head":
        return this.#text(state, "\r\n\r\n", MOST_HEAD_BYTES, buffer, at, length);
      case "trailers":
        return this.#text(state, "\r\n", MOST_HEAD_BYTES, buffer, at, length);
      case "chunk-size":
        return this.#text(state, "\r\n", MOST_SIZE_BYTES, buffer, at, length);
      case "chunk-end":
        return this.#text(state, "\r\n", 0, buffer, at, length);
      case "sized":
      case "chunk": {
        const to = Math.min(length, at + state.left);
        state.left -= to - at;
        this.#sink.onBody(buffer, at, to);
        if (state.left > 0) return to;
        if (state.kind === "sized") this.#end(NO_FIELDS);
        else this.#state = CHUNK_END;
        return to;
      }
      case "until-close":
        this.#sink.onBody(buffer, at, length);
        return length;
      case "done":
        return length;
    }
  }

  /** Text up to an end, `most` bytes at most. */
  #text(state: TextState, ending: string, most: number, buffer: Buffer, at: number, length: number): number {
    const kept = this.#kept;
    const text = kept + buffer.toString("latin1", at, Math.min(length, at + most + ending.length));
    const end = text.indexOf(ending);
    // What was kept counts as well: else it would depend on where the bytes were cut.
    if (end > most || (end === -1 && text.length >= most + ending.length)) throw tooLong(state);
    if (end === -1) {
      this.#kept = text;
      return length;
    }
    this.#kept = "";
    this.#read(state, text.slice(0, end));
    return at + end + ending.length - kept.length;
  }

  #read(state: TextState, text: string): void {
    switch (state.kind) {
      case "head":
        this.#onHead(parseHead(text));
        return;
      case "chunk-size": {
        const [, size] = CHUNK_SIZE.exec(text) ?? [];
        if (size === undefined) throw malformed("the size of a chunk");
        const left = Number.parseInt(size, 16);
        this.#state = left === 0 ? { kind: "trailers", lines: "" } : { kind: "chunk", left };
        return;
      }
      case "chunk-end":
        this.#state = CHUNK_SIZE_NEXT;
        return;
      case "trailers":
        if (text === "") this.#end(state.lines === "" ? NO_FIELDS : parseTrailers(state.lines));
        else {
          state.lines += state.lines === "" ? text : `\r\n${text}`;
          if (state.lines.length > MOST_HEAD_BYTES) throw new errors.HeadersOverflowError();
        }
    }
  }

  #onHead(head: ResponseHead): void {
    const { status } = head;
    if (status === 101) throw malformed("an upgrade that nobody asked for");
    const framing = framingOf(head, this.#method);
    // What is said before the answer is the connection's affair.
    if (status < 200) return;
    this.#state = begun(framing);
    this.#sink.onHead(head, framing);
    if (framing.kind === "none") this.#sink.onEnd(NO_FIELDS);
  }

  #end(trailers: IncomingHttpHeaders): void {
    this.#state = DONE;
    this.#sink.onEnd(trailers);
  }
}

function tooLong({ kind }: TextState): Error {
  return kind === "head" || kind === "trailers"
    ? new errors.HeadersOverflowError()
    : malformed("a chunk is not as long as it says");
}

function begun(framing: Framing): State {
  switch (framing.kind) {
    case "sized":
      return { kind: "sized", left: framing.bytes };
    case "chunked":
      return CHUNK_SIZE_NEXT;
    case "until-close":
      return UNTIL_CLOSE;
    case "none":
      return DONE;
  }
}
