import type { LogRecord } from "@shardcast/log";
import { decodeRequest } from "@shardcast/protocol";
import { originOf } from "./admitted-request.ts";

/** A cancel that does not count as done yet. */
interface Cancel {
  readonly id: string;
  readonly offset: number;
  /** Its turn in the lane has come: everything before it was admitted. */
  admitted: boolean;
}

/** The id of the request that a record cancels; undefined when it is no cancel. */
export function cancelledBy(record: LogRecord, service: string): string | undefined {
  // Asked of every record: it is cheap to see that most are not.
  if (!Object.hasOwn(record.headers, "sc-kind")) return undefined;
  const decoded = decodeRequest(record, service, originOf(record));
  return decoded.kind === "cancel" ? decoded.id : undefined;
}

/**
 * The cancels of one lane that are known and not done. They take effect when they are read, also on what is admitted later,
 * because it was read before them; and count as done when what they name has ended, so that they are seen again after a
 * crash.
 */
export class Cancels {
  readonly #byId = new Map<string, Cancel[]>();
  /**
   * Requests that were put at the end of the lane again and are not read there yet: a cancel that came before, or comes
   * meanwhile, is for them, though it lies before them.
   */
  readonly #moved = new Set<string>();

  /** Whether there is nothing to look up. */
  get none(): boolean {
    return this.#byId.size === 0 && this.#moved.size === 0;
  }

  read(id: string, offset: number): void {
    const cancels = this.#byId.get(id) ?? [];
    this.#byId.set(id, cancels);
    cancels.push({ id, offset, admitted: false });
  }

  /** @param fresh whether it is not done already */
  admit(id: string, offset: number, fresh: boolean): void {
    for (const cancel of this.#byId.get(id) ?? []) if (cancel.offset === offset) cancel.admitted = true;
    if (!fresh) this.#forget(id, (cancel) => cancel.offset === offset);
  }

  moving(id: string): void {
    this.#moved.add(id);
  }

  /** Whether a request that was just admitted is cancelled. */
  covers(id: string, offset: number): boolean {
    const isMoved = this.#moved.delete(id);
    return (this.#byId.get(id) ?? []).some((cancel) => isMoved || cancel.offset > offset);
  }

  /** Offsets of the cancels of an id that are done, now that nothing is left that they have cancelled. */
  takeDone(id: string): number[] {
    return this.#moved.has(id) ? [] : this.#forget(id, ({ admitted }) => admitted);
  }

  #forget(id: string, which: (cancel: Cancel) => boolean): number[] {
    const cancels = this.#byId.get(id) ?? [];
    const left = cancels.filter((cancel) => !which(cancel));
    if (left.length > 0) this.#byId.set(id, left);
    else this.#byId.delete(id);
    return cancels.filter(which).map(({ offset }) => offset);
  }
}
