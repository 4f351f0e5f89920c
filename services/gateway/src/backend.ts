import type { Client } from "@shardcast/client";
import type { Log } from "@shardcast/log";
import { type ErrorCode, ShardcastError } from "@shardcast/protocol";
import type { Logger } from "pino";
import type { ResolvedGatewayOptions } from "./options.ts";
import { prepare } from "./prepare.ts";

type State =
  /** Kafka or a topic is not there yet; `why` is the last attempt's failure. */
  | { readonly kind: "starting"; readonly why: ShardcastError | undefined }
  | { readonly kind: "serving"; readonly client: Client }
  /** No new work; the client, if there was one, finishes what it has. */
  | { readonly kind: "closing"; readonly client: Client | undefined };

/** The way to the workers, and whether it is open. */
export class Backend {
  /** Resolves when every configured service can be called; rejects with SHARDCAST_CLOSED when closed before. */
  readonly ready: Promise<void>;
  readonly #log: Log;
  readonly #logger: Logger;
  readonly #services: ReadonlySet<string>;
  readonly #stopPreparing = new AbortController();
  #state: State = { kind: "starting", why: undefined };

  constructor(log: Log, logger: Logger, settings: ResolvedGatewayOptions) {
    this.#log = log;
    this.#logger = logger;
    this.#services = new Set(Object.keys(settings.services));
    this.ready = prepare({
      log,
      settings,
      signal: this.#stopPreparing.signal,
      onFailure: (error) => this.#failed(error),
    }).then(
      (client) => this.#serve(client),
      () => {
        throw closing();
      },
    );
    // Nobody has to wait for it.
    this.ready.catch(() => {});
  }

  /** Why no request can be served now; undefined when they can. */
  get fault(): ShardcastError | undefined {
    const state = this.#state;
    if (state.kind === "starting") return notReady(state.why);
    if (state.kind === "closing") return closing();
    if (this.#log.available) return undefined;
    return new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", "the log can not be reached");
  }

  /** Requests that wait for a reply. */
  get pending(): number {
    return this.#client?.pending ?? 0;
  }

  /** Throws SHARDCAST_UNKNOWN_SERVICE, or why the service can not be called now. */
  assertOpen(service: string): void {
    if (!this.#services.has(service)) {
      throw new ShardcastError("SHARDCAST_UNKNOWN_SERVICE", `this gateway does not serve ${service}`);
    }
    const { fault } = this;
    if (fault !== undefined) throw fault;
  }

  /** For a request that was let in by {@link assertOpen}, also when closing has begun since. */
  client(): Client {
    const client = this.#client;
    if (client === undefined) throw closing();
    return client;
  }

  /** From now on nothing new is let in. */
  beginClosing(): void {
    if (this.#state.kind === "closing") return;
    this.#state = { kind: "closing", client: this.#client };
    this.#stopPreparing.abort();
  }

  /** Ends what still waits with SHARDCAST_CLOSED. */
  async endRequests(): Promise<void> {
    this.beginClosing();
    await this.#client?.close();
  }

  get #client(): Client | undefined {
    return this.#state.kind === "starting" ? undefined : this.#state.client;
  }

  async #serve(client: Client): Promise<void> {
    if (this.#state.kind !== "starting") {
      await client.close();
      throw closing();
    }
    this.#state = { kind: "serving", client };
    this.#logger.info({ services: [...this.#services] }, "ready");
  }

  /** Logged when the reason changes, not at every attempt. */
  #failed(error: ShardcastError): void {
    if (this.#state.kind !== "starting") return;
    const before: ErrorCode | undefined = this.#state.why?.code;
    this.#state = { kind: "starting", why: error };
    if (error.code !== before) this.#logger.warn({ err: error }, "not ready yet; trying on");
  }
}

function notReady(why: ShardcastError | undefined): ShardcastError {
  const detail = why === undefined ? "" : `: ${why.message}`;
  return new ShardcastError("SHARDCAST_LOG_UNAVAILABLE", `the gateway is not ready yet${detail}`);
}

function closing(): ShardcastError {
  return new ShardcastError("SHARDCAST_CLOSED", "the gateway is closing");
}
