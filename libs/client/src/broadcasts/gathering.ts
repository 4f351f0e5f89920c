import type { BroadcastStatus, MemberOutcome, ShardcastError } from "@shardcast/protocol";
import type { BroadcastEnd } from "./api.ts";
import { endOf, isFinal } from "./standing.ts";

type State =
  /** Somebody may come yet. `wake` lets those go on who wait for that at `more`. */
  | {
      readonly kind: "open";
      readonly more: Promise<void>;
      readonly wake: () => void;
      readonly letGo: () => void;
    }
  | { readonly kind: "over" };

/**
 * What has come of one broadcast until the wait is over, for as many readers as there are, each from the first outcome on. Holds
 * it itself: who follows all broadcasts may have dropped this one by the time that it is read (C7).
 */
export class Gathering {
  /** Rejects for who gives up; nobody has to look. */
  readonly ended: Promise<BroadcastEnd>;
  readonly #settle: {
    readonly resolve: (end: BroadcastEnd) => void;
    readonly reject: (error: unknown) => void;
  };
  readonly #come: MemberOutcome[] = [];
  #status: BroadcastStatus;
  #state: State;

  /** `letGo` is called once, when the wait is over. */
  constructor(status: BroadcastStatus, letGo: () => void) {
    const { promise, resolve, reject } = Promise.withResolvers<BroadcastEnd>();
    this.ended = promise;
    this.ended.catch(() => {});
    this.#settle = { resolve, reject };
    this.#status = status;
    this.#state = open(letGo);
  }

  /**
   * How it stands now, and whose standing is new, of each member's final word once. Of several that are final their own times say
   * which came first.
   */
  take(status: BroadcastStatus, members: readonly MemberOutcome[] = status.members): void {
    if (this.#state.kind === "over") return;
    this.#status = status;
    const fresh = members.filter(isFinal).sort(byTime);
    this.#come.push(...fresh);
    const end = endOf(status);
    if (end !== undefined) this.#over(() => this.#settle.resolve(end));
    else if (fresh.length > 0) this.#wake(this.#state);
  }

  /** Nobody waits any longer; what has come so far is the result. */
  runOut(): void {
    this.#over(() => this.#settle.resolve({ ...this.#status, reason: "deadline" }));
  }

  giveUp(error: ShardcastError): void {
    this.#over(() => this.#settle.reject(error));
  }

  /** What has come, and what comes, until the wait is over. */
  async *read(): AsyncGenerator<MemberOutcome, void, undefined> {
    for (let next = 0; ; ) {
      const outcome = this.#come[next];
      if (outcome !== undefined) {
        next++;
        yield outcome;
      } else if (this.#state.kind === "over") {
        return;
      } else {
        await this.#state.more;
      }
    }
  }

  #wake({ wake, letGo }: Extract<State, { kind: "open" }>): void {
    this.#state = open(letGo);
    wake();
  }

  #over(settle: () => void): void {
    if (this.#state.kind === "over") return;
    const { wake, letGo } = this.#state;
    this.#state = { kind: "over" };
    letGo();
    settle();
    wake();
  }
}

function open(letGo: () => void): State {
  const { promise: more, resolve: wake } = Promise.withResolvers<void>();
  return { kind: "open", more, wake, letGo };
}

function byTime(a: MemberOutcome, b: MemberOutcome): number {
  return timeOf(a) - timeOf(b);
}

function timeOf(outcome: MemberOutcome): number {
  return outcome.state === "waiting" ? 0 : outcome.atMs;
}
