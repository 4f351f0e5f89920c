import { Followed, type FollowOptions } from "./followed.ts";
import type { Resource } from "./resource.ts";

type State<Raw extends Resource, T> =
  | { readonly kind: "none" }
  | {
      readonly kind: "reading" | "read";
      readonly labelSelector: string;
      readonly followed: Followed<Raw, T>;
    };

/** Objects of a collection that have labels, which may come to be others; what was read last stays until those are read. */
export class Selected<Raw extends Resource, T> {
  readonly #options: Omit<FollowOptions<Raw, T>, "query">;
  #state: State<Raw, T> = { kind: "none" };
  #items: ReadonlyMap<string, T> = new Map();

  constructor(options: Omit<FollowOptions<Raw, T>, "query">) {
    this.#options = options;
  }

  get items(): ReadonlyMap<string, T> {
    return this.#items;
  }

  /** Milliseconds since the API server last said something of them; undefined when they were not all read. 0 where none are asked for. */
  get silentMs(): number | undefined {
    if (this.#state.kind === "none") return 0;
    return this.#state.kind === "read" ? this.#state.followed.silentMs : undefined;
  }

  /** @param labelSelector of whom to follow from now on; undefined for nobody */
  select(labelSelector: string | undefined): void {
    const before = this.#state;
    if (before.kind === "none" ? labelSelector === undefined : before.labelSelector === labelSelector) return;
    this.close();
    if (labelSelector === undefined) {
      this.#state = { kind: "none" };
      this.#items = new Map();
      return;
    }
    const onChange = (items: ReadonlyMap<string, T>) => {
      this.#state = { kind: "read", labelSelector, followed };
      this.#items = items;
      this.#options.onChange(items);
    };
    const followed = new Followed<Raw, T>({ ...this.#options, query: { labelSelector }, onChange });
    this.#state = { kind: "reading", labelSelector, followed };
  }

  /** Asks no more; what was read last stays. */
  close(): void {
    if (this.#state.kind !== "none") this.#state.followed.close();
  }
}
