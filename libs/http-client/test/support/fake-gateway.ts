import { type ErrorCode, PROBLEM_JSON, ShardcastError, toProblem } from "@shardcast/protocol";
import { onTestFinished } from "vitest";
import { type ConnectHttpOptions, connectHttp, type HttpClient } from "../../src/index.ts";

/** A call as it was made. */
export interface Sent {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Headers;
  readonly body: string;
  readonly redirect: string | undefined;
  /** When, epoch milliseconds. */
  readonly atMs: number;
}

/** What comes of one call. */
export type Step = (signal: AbortSignal) => Response | Promise<Response>;

export interface FakeGateway {
  readonly client: HttpClient;
  readonly sent: readonly Sent[];
  /** What comes of the next calls, one after the other; of those beyond the last one, nothing. */
  plan(...steps: Step[]): void;
}

export const URL_OF_FAKE = "https://gateway.example/base";

/** A client whose calls come to what the test says. */
export function fakeGateway(options: Partial<ConnectHttpOptions> = {}): FakeGateway {
  const sent: Sent[] = [];
  const steps: Step[] = [];
  const fetch: typeof globalThis.fetch = async (input, init = {}) => {
    const request = new Request(input, init);
    sent.push({
      method: request.method,
      path: request.url.slice(URL_OF_FAKE.length),
      headers: request.headers,
      body: await request.text(),
      redirect: init.redirect,
      atMs: Date.now(),
    });
    const step = steps.shift() ?? silent;
    return step(init.signal as AbortSignal);
  };
  const client = connectHttp({ url: URL_OF_FAKE, fetch, ...options });
  onTestFinished(() => client.close());
  return { client, sent, plan: (...more) => void steps.push(...more) };
}

/** A connection that fails. */
export function unreachable(): Response {
  throw new TypeError("fetch failed");
}

/** No answer, for as long as somebody waits for it. */
export function silent(signal: AbortSignal): Promise<Response> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });
}

/** An answer of somebody. */
export function answer(
  status: number,
  body: string | object | null,
  headers: Readonly<Record<string, string>> = {},
): Step {
  const text = typeof body === "string" || body === null ? body : JSON.stringify(body);
  return () => new Response(text, { status, headers });
}

/** A handler's answer, as the gateway brings it. */
export function handled(body: string, headers: Readonly<Record<string, string>> = {}): Step {
  return answer(200, body, { "content-type": "text/plain", "shardcast-request-id": "id-1", ...headers });
}

/** A problem, as the gateway tells it. */
export function problem(
  code: ErrorCode,
  headers: Readonly<Record<string, string>> = {},
  extensions: Readonly<Record<string, unknown>> = {},
): Step {
  const document = toProblem(new ShardcastError(code, `why ${code}`, { extensions }));
  return answer(document.status, document, { "content-type": PROBLEM_JSON, ...headers });
}

/** How a request stands, as the gateway tells it. */
export function standing(state: string, more: object = {}): Step {
  const headers = { "content-type": "application/json", "shardcast-request-state": state };
  return answer(202, { id: "id-1", state, ...more }, { ...headers, "retry-after": "1" });
}

/** How it ended. */
export function ended(body: string): Step {
  return handled(body, { "shardcast-request-state": "replied" });
}

/** Events that come as the test says. */
export class EventSource {
  readonly #encoder = new TextEncoder();
  /** What was sent before somebody read. */
  readonly #early: Uint8Array[] = [];
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** Whether the reader has gone. */
  cancelled = false;

  readonly step: Step = () => {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
        for (const bytes of this.#early) controller.enqueue(bytes);
      },
      cancel: () => {
        this.cancelled = true;
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  };

  send(text: string): void {
    this.sendBytes(this.#encoder.encode(text));
  }

  sendBytes(bytes: Uint8Array): void {
    if (this.#controller === undefined) this.#early.push(bytes);
    else this.#controller.enqueue(bytes);
  }

  event(id: number, name: string, data: object): void {
    this.send(`id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  end(): void {
    this.#controller?.close();
  }

  break(): void {
    this.#controller?.error(new TypeError("terminated"));
  }
}
