import type { ShardcastError } from "@shardcast/protocol/errors";
import type { BroadcastEnd, BroadcastStatus, MemberOutcome } from "./api.ts";
import { endOf, isFinal } from "./standing.ts";

type State =
  /** Somebody may come yet. `wake` lets those go on who wait for that at `more`. */
  | {
      readonly kind: "open";
      readonly more: Promise<void>;
      readonly wake: () => void;
      readonly letGo: () => void;
    }
  /** `failure` is what readers are told as well; who gave up himself is not. */
  | { readonly kind: "over"; readonly failure?: ShardcastError };

/** What has come of one broadcast until the wait is over, for as many readers as there are, each from the first outcome on. */
export class Gathering {
  /** Rejects for who gives up, and when nobody can tell any more; nobody has to look. */
  readonly ended: Promise<BroadcastEnd>;
  readonly #come: MemberOutcome[] = [];
  readonly #members = new Set<string>();
  #resolve: (end: BroadcastEnd) => void = () => {};
  #reject: (error: unknown) => void = () => {};
  #status: BroadcastStatus;
  #state: State;

  /** `letGo` is called once, when the wait is over. */
  constructor(status: BroadcastStatus, letGo: () => void) {
    this.ended = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.ended.catch(() => {});
    this.#status = status;
    this.#state = open(letGo);
  }

  /** How it stands now, and whose standing is new. Of several that are final their own times say which came first. */
  take(status: BroadcastStatus, members: readonly MemberOutcome[] = status.members): void {
    if (this.#state.kind === "over") return;
    this.#status = status;
    const end = endOf(status);
    // With the verdict everybody counts whom it is based on, also one whose event was lost with its stream.
    const told = end === undefined ? members : status.members;
    const fresh = told.filter((each) => isFinal(each) && !this.#members.has(each.member)).sort(byTime);
    for (const outcome of fresh) {
      this.#members.add(outcome.member);
      this.#come.push(outcome);
    }
    if (end !== undefined) this.#over(() => this.#resolve(end));
    else if (fresh.length > 0) this.#wake(this.#state);
  }

  /** Nobody waits any longer; what has come so far is the result. */
  runOut(): void {
    this.#over(() => this.#resolve({ ...this.#status, reason: "deadline" }));
  }

  /** The caller does not want it any more, or the client is closed. */
  giveUp(error: ShardcastError): void {
    this.#over(() => this.#reject(error));
  }

  /** Nobody can tell any more. */
  fail(failure: ShardcastError): void {
    this.#over(() => this.#reject(failure), failure);
  }

  /** What has come, and what comes, until the wait is over. */
  async *read(): AsyncGenerator<MemberOutcome, void, undefined> {
    for (let next = 0; ; ) {
      const outcome = this.#come[next];
      if (outcome !== undefined) {
        next++;
        yield outcome;
      } else if (this.#state.kind === "open") {
        await this.#state.more;
      } else {
        if (this.#state.failure !== undefined) throw this.#state.failure;
        return;
      }
    }
  }

  #wake({ wake, letGo }: Extract<State, { kind: "open" }>): void {
    this.#state = open(letGo);
    wake();
  }

  #over(settle: () => void, failure?: ShardcastError): void {
    if (this.#state.kind === "over") return;
    const { wake, letGo } = this.#state;
    this.#state = { kind: "over", ...(failure === undefined ? {} : { failure }) };
    letGo();
    settle();
    wake();
  }
}

function open(letGo: () => void): State {
  let wake = () => {};
  const more = new Promise<void>((resolve) => {
    wake = resolve;
  });
  return { kind: "open", more, wake, letGo };
}

function byTime(a: MemberOutcome, b: MemberOutcome): number {
  return timeOf(a) - timeOf(b);
}

function timeOf(outcome: MemberOutcome): number {
  return outcome.state === "waiting" ? 0 : outcome.atMs;
}
