import { once } from "node:events";
import { Agent, request } from "node:http";
import { text } from "node:stream/consumers";

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  /** From the call to the end of the answer. */
  readonly ms: number;
}

export interface CallOptions {
  /** `Request-Timeout` in seconds; the gateway's default where absent. */
  readonly timeoutS?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface HttpClient {
  post(path: string, body: string, options?: CallOptions): Promise<Answer>;
  get(path: string): Promise<Answer>;
  delete(path: string): Promise<Answer>;
  close(): void;
}

/** Callers of one origin, each connection kept and used again. Leaner than fetch: the test shares the machine. */
export function httpClient(origin: string): HttpClient {
  const agent = new Agent({ keepAlive: true });

  async function call(method: string, path: string, body: string, headers: Record<string, string>) {
    const begun = performance.now();
    const sent = request(`${origin}${path}`, { method, agent, headers });
    sent.end(body);
    const [response] = await once(sent, "response");
    const answer = { status: response.statusCode as number, headers: response.headers };
    return { ...answer, body: await text(response), ms: performance.now() - begun };
  }

  return {
    post: (path, body, { timeoutS, headers } = {}) =>
      call("POST", path, body, {
        "content-type": "application/json",
        "content-length": String(Buffer.byteLength(body)),
        ...(timeoutS === undefined ? {} : { "request-timeout": String(timeoutS) }),
        ...headers,
      }),
    get: (path) => call("GET", path, "", {}),
    delete: (path) => call("DELETE", path, "", {}),
    close: () => agent.destroy(),
  };
}

/** The problem document of an answer, with the media type that says so. */
export function problemOf({ headers, body }: Answer): { readonly type: unknown; readonly code: unknown } {
  const parsed = JSON.parse(body) as { code?: unknown };
  return { type: headers["content-type"], code: parsed.code };
}
