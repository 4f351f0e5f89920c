import type { ShardcastError } from "@shardcast/protocol";
import type { Upstream } from "./upstream.ts";

/** Where a request goes now. */
export interface Target {
  readonly upstream: Upstream;
  /** What the owner is told of the key, so that it can refuse one that is not its own: names and values by turns. */
  readonly headers: readonly string[];
}

/** What is known of a destination now. */
export type Found =
  | { readonly kind: "there"; readonly target: Target }
  /** Nobody is there at this moment: that passes. */
  | { readonly kind: "absent"; readonly why: string }
  /** Waiting would not help. */
  | { readonly kind: "never"; readonly error: ShardcastError };

/** Whom a request is for: the same all the while, though who that is may change. */
export interface Destination {
  find(): Found;
  /** Calls the listener when {@link find} may give something else, until the returned function is called. Undefined: never. */
  readonly watch?: (listener: () => void) => () => void;
}
