import { Agent } from "undici";
import { type AddressPolicy, addressIn, checkedLookup, ForbiddenAddress } from "./addresses.ts";

/** What is looked at of a receiver's answer. */
export interface Posted {
  readonly status: number;
  readonly retryAfter: string | undefined;
}

export interface PosterOptions extends AddressPolicy {
  /** For all of it: name, connection, sending, answer. Milliseconds. */
  readonly timeoutMs: number;
}

const CONNECT_TIMEOUT_MS = 5_000;
/** Of an answer nothing is used but its status; so much is read, so that the connection may be used again. */
const MAX_ANSWER_BYTES = 65_536;

/** POSTs to where it is allowed to. Follows no redirects: where one leads nobody has allowed. */
export class Poster {
  readonly #options: PosterOptions;
  readonly #agent: Agent;

  constructor(options: PosterOptions) {
    this.#options = options;
    this.#agent = new Agent({
      allowH2: false,
      connect: {
        lookup: checkedLookup(options),
        timeout: Math.min(options.timeoutMs, CONNECT_TIMEOUT_MS),
      },
    });
  }

  /**
   * Resolves to what was answered, whatever it is; what follows its headers has no say any more.
   *
   * @throws {ForbiddenAddress}; what the connection failed with; a TimeoutError; the signal's reason
   */
  async post(
    url: URL,
    headers: Readonly<Record<string, string>>,
    body: Buffer,
    stopped: AbortSignal,
  ): Promise<Posted> {
    const address = addressIn(url);
    if (address !== undefined && !this.#options.allows(address)) throw new ForbiddenAddress(url.host);
    const signal = AbortSignal.any([stopped, AbortSignal.timeout(this.#options.timeoutMs)]);
    const answer = await this.#agent.request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method: "POST",
      headers,
      body,
      signal,
    });
    await answer.body.dump({ limit: MAX_ANSWER_BYTES, signal }).catch(() => undefined);
    const retryAfter = answer.headers["retry-after"];
    return {
      status: answer.statusCode,
      retryAfter: Array.isArray(retryAfter) ? retryAfter[0] : retryAfter,
    };
  }

  /** Cuts what is under way. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}
