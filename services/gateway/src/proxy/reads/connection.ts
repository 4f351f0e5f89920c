import type { IncomingHttpHeaders } from "node:http";
import type { Socket } from "node:net";
import { buildConnector, errors } from "undici";
import type { Call, Carrier } from "./call.ts";
import { Deadline } from "./deadline.ts";
import { type Framing, isKeptAlive, keptForMs } from "./framing.ts";
import type { ResponseHead } from "./head.ts";
import { malformed } from "./malformed.ts";
import { ResponseParser, type ResponseSink } from "./response-parser.ts";

/** What becomes of a connection, for who keeps them. */
export interface ConnectionEvents {
  onConnected(): void;
  /** It could not be made. */
  onFailed(connection: Connection, error: Error): void;
  /** It can be asked: for the first time, or again. */
  onFree(connection: Connection): void;
  /** It was made, and has ended. */
  onClosed(connection: Connection): void;
}

type State =
  | { readonly kind: "connecting" }
  | { readonly kind: "idle"; readonly untilMs: number }
  | { readonly kind: "busy"; readonly call: Call }
  | { readonly kind: "closed" };

/** Of who does not say how long he keeps a connection that is not used; undici's. */
const KEPT_MS = 4_000;
/** So long before he closes it, nothing is sent any more: it might cross his end. */
const MARGIN_MS = 2_000;
const READ_BYTES = 65_536;
const CONNECTING: State = { kind: "connecting" };
const CLOSED: State = { kind: "closed" };

/** What is read is handed on before the next read: one buffer for them all. */
const readBuffer = Buffer.allocUnsafeSlow(READ_BYTES);

/** One connection to an upstream, with one request at a time. */
export class Connection implements Carrier, ResponseSink {
  readonly #events: ConnectionEvents;
  readonly #parser = new ResponseParser(this);
  readonly #deadline = new Deadline(() => this.#onDue());
  #socket: Socket | undefined;
  #state: State = CONNECTING;
  #keptAlive = false;
  #keptMs = KEPT_MS;
  #begun = false;

  constructor(
    target: buildConnector.Options,
    options: buildConnector.BuildOptions,
    events: ConnectionEvents,
  ) {
    this.#events = events;
    const onread = {
      buffer: readBuffer,
      callback: (length: number, buffer: Uint8Array) => this.#onRead(buffer as Buffer, length),
    };
    buildConnector({ ...options, onread })(target, (error, socket) => {
      if (error === null) this.#connected(socket);
      else {
        this.#state = CLOSED;
        events.onFailed(this, error);
      }
    });
  }

  /** Whether it may still be asked: its other side may be about to close it. */
  isFresh(nowMs: number): boolean {
    return this.#state.kind === "idle" && nowMs < this.#state.untilMs;
  }

  /** Of one that is free. */
  send(call: Call, nowMs: number): void {
    const socket = this.#socket as Socket;
    this.#state = { kind: "busy", call };
    this.#begun = false;
    this.#parser.begin(call.method);
    call.carrier = this;
    this.#deadline.set(call.headersTimeoutMs, nowMs);
    socket.write(call.text, "latin1");
  }

  /** Until the head has come, that alone is awaited. */
  pause(): void {
    if (!this.#begun) return;
    this.#deadline.clear();
    this.#socket?.pause();
  }

  resume(): void {
    if (!this.#begun) return;
    if (this.#state.kind === "busy") this.#deadline.set(this.#state.call.bodyTimeoutMs);
    this.#socket?.resume();
  }

  /** Whoever waits is told the error. */
  destroy(error: Error): void {
    const state = this.#state;
    if (state.kind === "closed") return;
    this.#state = CLOSED;
    this.#deadline.stop();
    this.#socket?.destroy();
    if (state.kind === "busy") {
      const { call } = state;
      call.carrier = undefined;
      if (!call.ended) {
        call.ended = true;
        call.handler.onResponseError?.(call, error);
      }
    }
    if (state.kind !== "connecting") this.#events.onClosed(this);
  }

  onHead(head: ResponseHead, framing: Framing): void {
    if (this.#state.kind !== "busy") return;
    const { call } = this.#state;
    const { status, headers } = head;
    this.#begun = true;
    this.#keptAlive = isKeptAlive(head, framing);
    this.#keptMs = (keptForMs(headers) ?? KEPT_MS + MARGIN_MS) - MARGIN_MS;
    call.handler.onResponseStart?.(call, status, headers);
    if (call.paused) this.pause();
  }

  onBody(buffer: Buffer, from: number, to: number): void {
    if (this.#state.kind !== "busy") return;
    const { call } = this.#state;
    const chunk = Buffer.allocUnsafe(to - from);
    buffer.copy(chunk, 0, from, to);
    call.handler.onResponseData?.(call, chunk);
  }

  onEnd(trailers: IncomingHttpHeaders): void {
    if (this.#state.kind !== "busy") return;
    const { call } = this.#state;
    call.ended = true;
    try {
      call.handler.onResponseEnd?.(call, trailers);
    } catch (error) {
      // It is to be told so, as by undici.
      call.ended = false;
      throw error;
    }
  }

  #connected(socket: Socket): void {
    this.#socket = socket;
    this.#events.onConnected();
    if (this.#state.kind === "closed") {
      socket.destroy();
      this.#events.onClosed(this);
      return;
    }
    socket.on("end", () => this.#onEof());
    socket.on("error", (error) => this.destroy(error));
    socket.on("close", () => this.destroy(closed("closed")));
    this.#free();
  }

  #free(): void {
    this.#state = { kind: "idle", untilMs: performance.now() + this.#keptMs };
    this.#events.onFree(this);
  }

  #onRead(buffer: Buffer, length: number): boolean {
    const state = this.#state;
    if (state.kind !== "busy") {
      // Nobody has asked for it: it is not to be anybody's answer.
      this.destroy(closed("bytes without a request"));
      return false;
    }
    try {
      if (!this.#parser.execute(buffer, length)) this.#keptAlive = false;
    } catch (error) {
      this.destroy(error as Error);
      return false;
    }
    // Who got it may have cut it.
    if (this.#state !== state) return false;
    const { call } = state;
    if (this.#parser.done) this.#answered(call);
    else if (this.#begun && !call.paused) this.#deadline.set(call.bodyTimeoutMs);
    return true;
  }

  /** The answer is whole. */
  #answered(call: Call): void {
    call.carrier = undefined;
    this.#begun = false;
    this.#deadline.clear();
    if (call.paused) this.#socket?.resume();
    this.#state = { kind: "idle", untilMs: 0 };
    if (!this.#keptAlive || this.#keptMs <= 0) this.destroy(closed("not kept"));
    else this.#free();
  }

  #onEof(): void {
    try {
      if (this.#begun) this.#parser.finish();
    } catch (error) {
      this.destroy(error as Error);
    }
    this.destroy(this.#begun ? malformed("it ends before its end") : closed("other side closed"));
  }

  #onDue(): void {
    this.destroy(this.#begun ? new errors.BodyTimeoutError() : new errors.HeadersTimeoutError());
  }
}

function closed(why: string): Error {
  return new errors.SocketError(why);
}
