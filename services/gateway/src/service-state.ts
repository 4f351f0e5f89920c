import { type ErrorCode, ShardcastError } from "@shardcast/protocol";

/** Failures that pass only when somebody changes the configuration, the topics or the rights. */
const FOR_AN_OPERATOR: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "SHARDCAST_TOPIC_MISMATCH",
  "SHARDCAST_LOG_REFUSED",
  // The service has no topics. Its workers may still create them; nothing that we could wait for tells when.
  "SHARDCAST_UNKNOWN_SERVICE",
]);

/** What `/readyz` says of a service. */
export interface ServiceReport {
  /** `failed`: somebody has to mend it; it is tried again all the same. */
  readonly state: "ready" | "starting" | "failed";
  /** What a caller of the service is answered now. */
  readonly code?: ErrorCode;
  readonly detail?: string;
}

/** Whether one service can be called, and if not, why. */
export class ServiceState {
  readonly #service: string;
  #why: ErrorCode | undefined;
  #failed = false;
  #fault: ShardcastError | undefined;

  constructor(service: string) {
    this.#service = service;
    this.#fault = notReady(service);
  }

  /** What its callers are answered; undefined when it can be called. One error for all of them. */
  get fault(): ShardcastError | undefined {
    return this.#fault;
  }

  /** Waiting any longer would not help the other services. Stays so, once it was. */
  get settled(): boolean {
    return this.#fault === undefined || this.#failed;
  }

  get report(): ServiceReport {
    if (this.#fault === undefined) return { state: "ready" };
    const { code, message } = this.#fault;
    return { state: this.#failed ? "failed" : "starting", code, detail: message };
  }

  ready(): void {
    this.#fault = undefined;
  }

  /** True when it is another reason than before. */
  failed(why: ShardcastError): boolean {
    const changed = why.code !== this.#why;
    this.#why = why.code;
    this.#failed ||= FOR_AN_OPERATOR.has(why.code);
    this.#fault = notReady(this.#service, why);
    return changed;
  }
}

function notReady(service: string, why?: ShardcastError): ShardcastError {
  const detail = `${service} is not ready yet${why === undefined ? "" : `: ${why.message}`}`;
  const shown = why?.code === "SHARDCAST_TOPIC_MISMATCH" || why?.code === "SHARDCAST_LOG_REFUSED";
  return new ShardcastError(shown ? why.code : "SHARDCAST_LOG_UNAVAILABLE", detail, { status: 503 });
}
