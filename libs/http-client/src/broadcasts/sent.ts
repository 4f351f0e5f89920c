import type { ShardcastError } from "@shardcast/protocol/errors";
import type { OpenScope } from "../scopes.ts";
import type { AcceptedBroadcast } from "./answers.ts";
import type {
  Acknowledged,
  Broadcast,
  BroadcastChange,
  BroadcastEnd,
  BroadcastStatus,
  MemberOutcome,
} from "./api.ts";
import { Gathering } from "./gathering.ts";

export interface Wait {
  /** Milliseconds from now on. */
  readonly timeoutMs: number;
  /** Of the wait; it is ended with it. */
  readonly scope: OpenScope;
  readonly endScope: () => void;
  /** What comes of it, until the scope is over. */
  readonly changes: () => AsyncIterable<BroadcastChange>;
  /** How it stands once there is a verdict. */
  readonly decided: () => Promise<BroadcastStatus>;
  readonly cancel: () => Promise<void>;
}

/** A broadcast that a gateway has accepted, as who sent it waits for it. */
export class SentBroadcast implements Broadcast {
  readonly id: string;
  readonly accepted: BroadcastStatus;
  readonly replayed: boolean;
  readonly #gathering: Gathering;
  readonly #cancel: () => Promise<void>;

  constructor({ status, replayed }: AcceptedBroadcast, wait: Wait) {
    this.id = status.id;
    this.accepted = status;
    this.replayed = replayed;
    this.#gathering = gather(status, wait);
    this.#cancel = wait.cancel;
  }

  get ended(): Promise<BroadcastEnd> {
    return this.#gathering.ended;
  }

  [Symbol.asyncIterator](): AsyncIterator<MemberOutcome, void, undefined> {
    return this.#gathering.read();
  }

  async reduce<T>(
    reducer: (sum: T, outcome: Acknowledged) => T,
    initial: T,
  ): Promise<{ readonly value: T; readonly end: BroadcastEnd }> {
    let value = initial;
    for await (const outcome of this) {
      if (outcome.state === "acked") value = reducer(value, outcome);
    }
    return { value, end: await this.ended };
  }

  cancel(): Promise<void> {
    return this.#cancel();
  }
}

function gather(accepted: BroadcastStatus, wait: Wait): Gathering {
  const { timeoutMs, scope, endScope } = wait;
  const gathering = new Gathering(accepted, () => {
    clearTimeout(timer);
    scope.signal.removeEventListener("abort", onOver);
    endScope();
  });
  const onOver = () => gathering.giveUp(scope.error as ShardcastError);
  const timer = setTimeout(() => gathering.runOut(), timeoutMs);
  scope.signal.addEventListener("abort", onOver);
  gathering.take(accepted);
  if (scope.error !== undefined) onOver();
  void feed(gathering, wait);
  return gathering;
}

/** Never rejects. */
async function feed(gathering: Gathering, { scope, changes, decided }: Wait): Promise<void> {
  try {
    if (scope.error !== undefined) return;
    for await (const { status, members } of changes()) gathering.take(status, members);
    if (scope.error === undefined) gathering.take(await decided());
  } catch (error) {
    gathering.fail(error as ShardcastError);
  }
}
