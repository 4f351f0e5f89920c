import { isParkedLetter, isUnparked } from "./dead-letter.ts";
import type { IncomingRecord } from "./record.ts";
import { decodeParkedPlace } from "./request.ts";

/** Offsets on the lane's partition of `S.dead`. */
interface Parked {
  /** Of the key's last letter. */
  readonly last: number;
  /** Of the last one whose request had been sent again before; -1 where there is none. */
  readonly again: number;
}

/**
 * Which keys of one lane are parked (C9), folded from its partition of `S.dead`: those of which a parked letter lies behind
 * the last record that says that they are not. The same for everybody who folds.
 */
export class ParkedKeys {
  readonly #parked = new Map<string, Parked>();

  get size(): number {
    return this.#parked.size;
  }

  /** Takes in the next record of the partition. */
  learn(record: IncomingRecord & { readonly offset: number }): void {
    if (record.key === null) return;
    if (isUnparked(record)) this.#parked.delete(textOf(record.key));
    else if (isParkedLetter(record)) this.#park(record.key, record);
  }

  has(key: Buffer): boolean {
    return this.#parked.has(textOf(key));
  }

  /** Whether a request that was sent again must not run: one that was sent before it has failed since (C1). */
  stops(key: Buffer, upTo: number): boolean {
    const parked = this.#parked.get(textOf(key));
    return parked !== undefined && parked.again > upTo;
  }

  /** Whether everything of the key that lies parked was known to who says so, and has been sent again or discarded. */
  endsAt(key: Buffer, upTo: number): boolean {
    const parked = this.#parked.get(textOf(key));
    return parked !== undefined && parked.last <= upTo;
  }

  #park(key: Buffer, { headers, offset }: IncomingRecord & { readonly offset: number }): void {
    const text = textOf(key);
    const isAgain = decodeParkedPlace(headers) !== undefined;
    const again = isAgain ? offset : (this.#parked.get(text)?.again ?? -1);
    this.#parked.set(text, { last: offset, again });
  }
}

function textOf(key: Buffer): string {
  return key.toString("latin1");
}
