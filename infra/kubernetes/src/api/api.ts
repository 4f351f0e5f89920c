import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import { pause } from "../pause.ts";
import { ApiError } from "./api-error.ts";
import type { Gate } from "./gate.ts";

const ANSWER_LIMIT_MS = 10_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

export interface Credentials {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

export interface Question {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly body?: object;
  /** Of the body; `application/json` without one. */
  readonly type?: string;
  readonly signal: AbortSignal;
}

/** How the programs of a node and we ourselves talk to the API server: as its administrator, over connections that are kept. */
export class Api {
  readonly server: string;
  readonly #credentials: Credentials;
  readonly #agent: Agent;
  readonly #gate: Gate | undefined;

  constructor(server: string, credentials: Credentials, gate?: Gate) {
    this.server = server;
    this.#credentials = credentials;
    this.#gate = gate;
    this.#agent = new Agent({ ...credentials, keepAlive: true, maxSockets: 32 });
  }

  /** The same for a machine that can be frozen: nothing is asked while its gate is closed. */
  behind(gate: Gate): Api {
    return new Api(this.server, this.#credentials, gate);
  }

  /** Throws an ApiError for every answer but 2xx, and what the connection says when there is no answer in 10 s. */
  async ask<T>(path: string, question: Question): Promise<T> {
    const limit = AbortSignal.any([question.signal, AbortSignal.timeout(ANSWER_LIMIT_MS)]);
    const response = await this.#send(path, { ...question, signal: limit });
    return (await jsonOf(response, path)) as T;
  }

  /** Asks until there is an answer: a server that is away or overloaded, or ends meanwhile, delays it only. Throws ApiErrors and when the signal fires. */
  async insist<T>(path: string, question: Question): Promise<T> {
    for (let waitMs = FIRST_PAUSE_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_PAUSE_MS)) {
      try {
        return await this.ask<T>(path, question);
      } catch (error) {
        question.signal.throwIfAborted();
        if (error instanceof ApiError && !error.mayPass) throw error;
        await pause(waitMs, question.signal);
      }
    }
  }

  /** The body of an answer as it comes, over a connection of its own. */
  async stream(path: string, signal: AbortSignal): Promise<IncomingMessage> {
    const response = await this.#send(path, { signal }, false);
    if (response.statusCode !== 200) await jsonOf(response, path);
    return response;
  }

  close(): void {
    this.#agent.destroy();
  }

  async #send(path: string, question: Question, kept = true): Promise<IncomingMessage> {
    await this.#gate?.passed();
    const { method = "GET", body, type = "application/json", signal } = question;
    signal.throwIfAborted();
    const text = body === undefined ? undefined : JSON.stringify(body);
    // Node leaves the length of a DELETE's body out, unless told.
    const headers =
      text === undefined ? {} : { "content-type": type, "content-length": Buffer.byteLength(text) };
    const connection = kept ? { agent: this.#agent } : { ...this.#credentials, agent: false };
    return new Promise((resolve, reject) => {
      const asked = request(`${this.server}${path}`, { method, headers, signal, ...connection }, resolve);
      asked.on("error", reject);
      asked.end(text);
    });
  }
}

async function jsonOf(response: IncomingMessage, path: string): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  const status = response.statusCode ?? 0;
  if (status < 200 || status > 299) throw ApiError.of(path, status, text);
  return JSON.parse(text);
}
