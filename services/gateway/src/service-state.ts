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
  /** How its broadcasts stand, while they are not ready though its requests are served. */
  readonly broadcasts?: ServiceReport;
}

/** Whether one service, or something of it, can be called, and if not, why. */
export class ServiceState {
  readonly #subject: string;
  #why: ErrorCode | undefined;
  #failed = false;
  #fault: ShardcastError | undefined;

  /** @param subject what is not ready, with its verb: `accounts is` */
  constructor(subject: string) {
    this.#subject = subject;
    this.#fault = notReady(subject);
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
    this.#fault = notReady(this.#subject, why);
    return changed;
  }
}

function notReady(subject: string, why?: ShardcastError): ShardcastError {
  const detail = `${subject} not ready yet${why === undefined ? "" : `: ${why.message}`}`;
  const shown = why?.code === "SHARDCAST_TOPIC_MISMATCH" || why?.code === "SHARDCAST_LOG_REFUSED";
  return new ShardcastError(shown ? why.code : "SHARDCAST_LOG_UNAVAILABLE", detail, { status: 503 });
}
