import type { Log } from "@shardcast/log";
import { ShardcastError, topicsOf } from "@shardcast/protocol";
import { type DeadLetters, type DeadLettersLogger, openDeadLetters } from "./dead-letters.ts";

export interface DeadLettersByServiceOptions {
  readonly log: Log;
  /** Put before every topic's name. Default none. */
  readonly topicPrefix?: string;
  readonly logger?: DeadLettersLogger;
}

/** The dead letters of services, each opened when somebody asks: most processes are never asked, and pay nothing. */
export class DeadLettersByService {
  readonly #options: DeadLettersByServiceOptions;
  readonly #opening = new Map<string, Promise<DeadLetters>>();
  readonly #opened = new Set<DeadLetters>();
  #closed = false;

  constructor(options: DeadLettersByServiceOptions) {
    this.#options = options;
  }

  /**
   * Opens them, or joins who does. Who asks after that has failed tries again.
   *
   * @throws {ShardcastError} SHARDCAST_UNKNOWN_SERVICE when the service has no dead letters; SHARDCAST_CLOSED; as
   *   `openDeadLetters`
   */
  of(service: string): Promise<DeadLetters> {
    let opening = this.#opening.get(service);
    if (opening === undefined) {
      opening = this.#open(service);
      this.#opening.set(service, opening);
      opening.catch(() => this.#opening.delete(service));
    }
    return opening;
  }

  /** Closes what is open, and what is being opened as soon as it is. Idempotent; the log stays open. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#opened].map((each) => each.close()));
  }

  async #open(service: string): Promise<DeadLetters> {
    if (this.#closed) throw closed();
    const { log, topicPrefix: prefix = "", logger } = this.#options;
    const { name } = topicsOf(service, { lanes: 1, prefix }).dead;
    const lanes = await log.partitionsOf(name);
    if (lanes === undefined) {
      throw new ShardcastError("SHARDCAST_UNKNOWN_SERVICE", `service ${service} has no topic ${name}`);
    }
    const about = { service, topicPrefix: prefix, lanes };
    const opened = await openDeadLetters(log, logger === undefined ? about : { ...about, logger });
    if (this.#closed) {
      await opened.close();
      throw closed();
    }
    this.#opened.add(opened);
    return opened;
  }
}

function closed(): ShardcastError {
  return new ShardcastError("SHARDCAST_CLOSED", "the dead letters are closed");
}
