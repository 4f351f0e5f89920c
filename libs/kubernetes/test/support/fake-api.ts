import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { Cluster } from "../../src/cluster.ts";

/** One question to the API server, answered by the test. */
export class Asked {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingMessage["headers"];
  readonly #response: ServerResponse;
  /** Resolves when the connection is gone. */
  readonly gone: Promise<unknown>;

  constructor({ url, headers }: IncomingMessage, response: ServerResponse) {
    const { pathname, searchParams } = new URL(url ?? "", "http://api");
    this.path = pathname;
    this.query = Object.fromEntries(searchParams);
    this.headers = headers;
    this.#response = response;
    this.gone = once(response, "close");
  }

  get isWatch(): boolean {
    return this.query.watch === "1";
  }

  list(version: string, ...items: object[]): void {
    this.page(version, undefined, ...items);
  }

  /** A list that goes on with the token. */
  page(version: string, token: string | undefined, ...items: object[]): void {
    const metadata = { resourceVersion: version, ...(token === undefined ? {} : { continue: token }) };
    this.answer(200, { kind: "List", metadata, items });
  }

  answer(status: number, body: object): void {
    this.#response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  }

  /** Begins a watch. */
  open(): void {
    this.#response.writeHead(200, { "content-type": "application/json" }).flushHeaders();
  }

  event(type: string, object: object): void {
    this.raw(`${JSON.stringify({ type, object })}\n`);
  }

  raw(text: string | Uint8Array): void {
    this.#response.write(text);
  }

  /** Ends a watch in good order. */
  end(): void {
    this.#response.end();
  }

  cut(): void {
    this.#response.destroy();
  }
}

/** An API server on a real socket that says what the test tells it to. */
export class FakeApi {
  readonly #queue: Asked[] = [];
  readonly #waiting: { readonly of: string; readonly resolve: (asked: Asked) => void }[] = [];
  #server: Server | undefined;
  #port = 0;

  /** Stopped after the test. */
  static async start(): Promise<FakeApi> {
    const api = new FakeApi();
    await api.up();
    onTestFinished(() => api.down());
    return api;
  }

  /** On the same port as before. */
  async up(): Promise<void> {
    this.#server = createServer((request, response) => {
      const asked = new Asked(request, response);
      const waiting = this.#waiting.findIndex(({ of }) => asked.path.endsWith(of));
      if (waiting === -1) this.#queue.push(asked);
      else this.#waiting.splice(waiting, 1)[0]?.resolve(asked);
    });
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** As a crash does it: all connections end at once. */
  async down(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  }

  /** The next question, when it has come: for the collection, or for any. */
  next(of = ""): Promise<Asked> {
    const found = this.#queue.findIndex(({ path }) => path.endsWith(of));
    const [asked] = found === -1 ? [] : this.#queue.splice(found, 1);
    if (asked !== undefined) return Promise.resolve(asked);
    return new Promise((resolve) => this.#waiting.push({ of, resolve }));
  }

  /** Questions that nobody has taken. */
  get left(): number {
    return this.#queue.length;
  }

  async nextList(of?: string): Promise<Asked> {
    const asked = await this.next(of);
    if (asked.isWatch) throw new Error("expected a list, and a watch was asked for");
    return asked;
  }

  /** The next one is a watch, which is opened. */
  async nextWatch(of?: string): Promise<Asked> {
    const asked = await this.next(of);
    if (!asked.isWatch) throw new Error("expected a watch, and a list was asked for");
    asked.open();
    return asked;
  }

  get connections(): Promise<number> {
    return new Promise((resolve, reject) =>
      this.#server?.getConnections((error, count) => (error ? reject(error) : resolve(count))),
    );
  }

  /** A kubeconfig that leads here. */
  kubeconfig(namespace = "bank"): string {
    const dir = mkdtempSync(join(tmpdir(), "shardcast-kubeconfig-"));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    const path = join(dir, "config");
    const server = `http://127.0.0.1:${this.#port}`;
    const config = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "fake", cluster: { server, "insecure-skip-tls-verify": true } }],
      users: [{ name: "me", user: { token: "a-token" } }],
      contexts: [{ name: "here", context: { cluster: "fake", user: "me", namespace } }],
      "current-context": "here",
    };
    writeFileSync(path, JSON.stringify(config));
    return path;
  }

  cluster(): Cluster {
    return new Cluster({ env: { KUBECONFIG: this.kubeconfig() } });
  }
}
