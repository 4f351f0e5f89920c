import { type DeadLetter, type ErrorCode, isErrorCode, ShardcastError } from "@shardcast/protocol";

/** Which letters: those that everything given here fits. */
export interface Selection {
  /** The shard key. Say the lane as well, where it is known: all lanes are read otherwise. */
  readonly key?: Uint8Array;
  readonly lane?: number;
  /** Empty for the default handler. */
  readonly handler?: string;
  /** Why it was given up. */
  readonly code?: ErrorCode;
  /** Given up at or after, epoch milliseconds. */
  readonly fromMs?: number;
  /** Given up before, epoch milliseconds. */
  readonly toMs?: number;
}

/** Whether a letter is one of them. */
export function fits(letter: DeadLetter, { key, handler, code, fromMs, toMs }: Selection): boolean {
  const { why } = letter;
  if (key !== undefined && (letter.key === null || !letter.key.equals(key))) return false;
  if (handler !== undefined && letter.handler !== handler) return false;
  if (code !== undefined && why.code !== code) return false;
  return why.atMs >= (fromMs ?? 0) && why.atMs < (toMs ?? Number.POSITIVE_INFINITY);
}

/** Throws SHARDCAST_INVALID_REQUEST that names what no letter could fit. */
export function assertSelection({ lane, code, fromMs, toMs }: Selection, lanes: number): void {
  if (lane !== undefined && !(Number.isSafeInteger(lane) && lane >= 0 && lane < lanes)) {
    throw invalid(`lane: must be a whole number below ${lanes}`);
  }
  if (code !== undefined && !isErrorCode(code)) throw invalid("code: must be an error code of Shardcast");
  if (fromMs !== undefined && !Number.isFinite(fromMs)) throw invalid("fromMs: must be epoch milliseconds");
  if (toMs !== undefined && !Number.isFinite(toMs)) throw invalid("toMs: must be epoch milliseconds");
}

/** Throws SHARDCAST_INVALID_REQUEST that names the option. */
export function assertCount(name: string, value: number, max: number): void {
  if (Number.isSafeInteger(value) && value >= 1 && value <= max) return;
  throw invalid(`${name}: must be a whole number from 1 to ${max}`);
}

export function invalid(detail: string): ShardcastError {
  return new ShardcastError("SHARDCAST_INVALID_REQUEST", detail);
}
