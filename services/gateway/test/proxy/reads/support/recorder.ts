import type { IncomingHttpHeaders } from "node:http";
import type { Dispatcher } from "undici";

/** Somebody who waits for an answer: what he was told, and in what order. */
export class Recorder implements Dispatcher.DispatchHandler {
  readonly order: string[] = [];
  readonly chunks: Buffer[] = [];
  controller: Dispatcher.DispatchController | undefined;
  status = 0;
  headers: IncomingHttpHeaders = {};
  trailers: IncomingHttpHeaders = {};
  error: (Error & { code?: string }) | undefined;
  /** Given with the error. */
  errorController: unknown;
  readonly #begun = Promise.withResolvers<this>();
  readonly #ended = Promise.withResolvers<this>();
  readonly #bytes: { from: number; resolve: () => void }[] = [];
  received = 0;

  /** When the head has come. */
  get begun(): Promise<this> {
    return this.#begun.promise;
  }

  /** When the answer is whole, or will not be. */
  get ended(): Promise<this> {
    return this.#ended.promise;
  }

  /** When so many bytes of the body have come. */
  bytes(from: number): Promise<void> {
    return new Promise((resolve) => {
      this.#bytes.push({ from, resolve });
      this.#tell();
    });
  }

  get body(): string {
    return Buffer.concat(this.chunks).toString("latin1");
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.order.push("start");
    this.controller = controller;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    // Undici tells of what is said before the answer as well.
    if (status < 200) return;
    this.order.push("head");
    this.status = status;
    this.headers = headers;
    this.#begun.resolve(this);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.order.at(-1) !== "data") this.order.push("data");
    this.chunks.push(chunk);
    this.received += chunk.byteLength;
    this.#tell();
  }

  onResponseEnd(_controller: Dispatcher.DispatchController, trailers: IncomingHttpHeaders): void {
    this.order.push("end");
    this.trailers = trailers;
    this.#ended.resolve(this);
  }

  onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    this.order.push("error");
    this.error = error;
    this.errorController = controller;
    this.#begun.resolve(this);
    this.#ended.resolve(this);
  }

  #tell(): void {
    for (const { from, resolve } of this.#bytes) if (this.received >= from) resolve();
  }
}
