import type { Admin, Kafka } from "kafkajs";
import pRetry from "p-retry";
import { bounded } from "./bounded.ts";
import { classify, type Fault } from "./classify.ts";
import { ClientSlot } from "./client-slot.ts";
import { type OpenLink, RETRY } from "./link.ts";

const RETRIES = 4;
const RETRY_MIN_MS = 50;

const committedAdmin = (kafka: Kafka): Admin => kafka.admin({ retry: RETRY });

/** One admin client, connected at its first use and replaced when it stops to answer. */
export class AdminClient {
  readonly #slot: ClientSlot<Admin>;
  readonly #callTimeoutMs: number;
  /** Calls under way, by client. */
  readonly #calls = new Map<Admin, number>();
  /** Clients that no call begins with any more, and what cuts each. */
  readonly #retired = new Map<Admin, () => void>();

  constructor(openLink: OpenLink, callTimeoutMs: number, make = committedAdmin) {
    this.#slot = new ClientSlot(openLink, make, callTimeoutMs);
    this.#callTimeoutMs = callTimeoutMs;
  }

  /**
   * Rejects with kafkajs's own error, or one of ours when there is no answer within the bound. Faults that pass by
   * themselves are waited for a moment.
   */
  call<T>(
    what: string,
    work: (admin: Admin) => Promise<T>,
    passing: readonly Fault[] = ["moving", "bug"],
  ): Promise<T> {
    return pRetry(() => this.#callOnce(what, work), {
      retries: RETRIES,
      minTimeout: RETRY_MIN_MS,
      randomize: true,
      // By default: somebody else leads or coordinates now, or nobody does yet; or kafkajs stumbled.
      shouldRetry: ({ error }) => passing.includes(classify(error)),
    });
  }

  async #callOnce<T>(what: string, work: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = await this.#slot.get();
    this.#calls.set(admin, (this.#calls.get(admin) ?? 0) + 1);
    try {
      return await bounded(work(admin), this.#callTimeoutMs, what);
    } catch (error) {
      // A connection that once failed half-way may never work again inside kafkajs; a new one costs little, and asks anew
      // who leads what.
      const fault = classify(error);
      if (fault === "unavailable") this.#slot.discard(admin);
      if (fault === "moving" || fault === "bug") this.#retire(admin);
      // p-retry takes a TypeError for final, and kafkajs stumbles with those.
      throw error instanceof TypeError ? new Error(error.message, { cause: error }) : error;
    } finally {
      this.#ended(admin);
    }
  }

  /** The broker is there: what others have under way on this client need not fail, or it would look as if it was not. */
  #retire(admin: Admin): void {
    const cut = this.#slot.retire(admin);
    if (cut !== undefined) this.#retired.set(admin, cut);
  }

  #ended(admin: Admin): void {
    const left = (this.#calls.get(admin) ?? 1) - 1;
    if (left > 0) {
      this.#calls.set(admin, left);
      return;
    }
    this.#calls.delete(admin);
    this.#retired.get(admin)?.();
    this.#retired.delete(admin);
  }

  close(): Promise<void> {
    return this.#slot.close();
  }
}
