import type { ServerResponse } from "node:http";
import { ShardcastError } from "@shardcast/protocol";
import type { Destination, Target } from "./destination.ts";
import { type Holds, noOwner } from "./holds.ts";

/** What one attempt came to, short of an answer. */
export type Failure =
  /** Nothing of the request has left: it may go to somebody else, whatever it is. */
  | { readonly kind: "not-sent"; readonly why: string }
  /** It may have been seen, and nothing of an answer has come. */
  | { readonly kind: "broken"; readonly why: string }
  | { readonly kind: "timeout"; readonly why: string }
  /** Whom we took for the owner says that he is not (421); what he said can still go to the caller. */
  | { readonly kind: "misdirected"; readonly pass: () => void; readonly drop: () => void };

export interface ExchangeParts {
  /** Who waits. */
  readonly caller: ServerResponse;
  readonly destination: Destination;
  readonly holds: Holds;
  readonly holdMs: number;
  /** Doing it twice does what doing it once does, and its body, if any, can be sent again. */
  readonly repeatable: boolean;
  /** Nothing of its body has left that could not be sent again. */
  readonly intact: () => boolean;
  readonly attempt: (target: Target) => void;
  readonly fail: (error: unknown) => void;
}

/** Between looks at an owner that is known and can not be reached, while nothing is heard of it. */
const AGAIN_MS = 200;
/** Of a request that may have been seen; one that breaks two connections breaks a third. */
const MOST_REPEATS = 1;

/**
 * One request on its way to who owns its key now: tried again where that is safe, and held while the owner changes. A request that may
 * have been seen is sent again only when it is repeatable; there is no log that would know it again (C5).
 */
export class Exchange {
  readonly #parts: ExchangeParts;
  #untilMs = 0;
  #repeats = 0;

  constructor(parts: ExchangeParts) {
    this.#parts = parts;
  }

  begin(): void {
    const { destination, attempt, fail } = this.#parts;
    const found = destination.find();
    if (found.kind === "there") attempt(found.target);
    else if (found.kind === "never") fail(found.error);
    else this.#hold(found.why, Number.POSITIVE_INFINITY);
  }

  failed(failure: Failure): void {
    const { destination, repeatable, intact, fail } = this.#parts;
    switch (failure.kind) {
      case "not-sent":
        // Of a backend that does not move there is no news to wait for.
        if (!intact() || destination.watch === undefined) fail(noOwner(failure.why));
        else this.#hold(failure.why, AGAIN_MS);
        return;
      case "misdirected":
        if (!repeatable || destination.watch === undefined) failure.pass();
        else {
          failure.drop();
          this.#hold("who owned the key says that it does not any more", AGAIN_MS);
        }
        return;
      case "broken":
        if (repeatable && this.#repeats++ < MOST_REPEATS) this.begin();
        else fail(new ShardcastError("SHARDCAST_UPSTREAM_FAILED", failure.why));
        return;
      case "timeout":
        fail(new ShardcastError("SHARDCAST_UPSTREAM_TIMEOUT", failure.why));
    }
  }

  #hold(why: string, againMs: number): void {
    const { caller, destination, holds, holdMs, fail } = this.#parts;
    if (this.#untilMs === 0) this.#untilMs = performance.now() + holdMs;
    const done = (error?: ShardcastError) => {
      caller.off("close", stop);
      if (error === undefined) this.begin();
      else fail(error);
    };
    let stop: () => void;
    try {
      stop = holds.wait(destination, why, { untilMs: this.#untilMs, againMs, done });
    } catch (error) {
      fail(error);
      return;
    }
    caller.on("close", stop);
  }
}
