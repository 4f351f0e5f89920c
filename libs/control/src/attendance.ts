import type { ControlChange } from "./control-state.ts";
import type { Directory } from "./directory.ts";

export interface AttendanceOptions {
  /** An ephemeral member from which nothing came for so long is not there, milliseconds. Default 5,000. */
  readonly silentMs?: number;
  /** A monotonic clock, milliseconds. */
  readonly nowMs?: () => number;
}

const SILENT_MS = 5_000;

/**
 * Which ephemeral members are alive, judged by what comes over the directory. Its clock moves only while something comes, or while
 * somebody has read the directory to its end: what a member had written before that would have come as well. After a time in which
 * nothing did for half of the time that counts, whoever was alive before has all of it again.
 */
export class Attendance {
  readonly #directory: Directory;
  readonly #silentMs: number;
  readonly #realMs: () => number;
  readonly #unwatch: () => void;
  readonly #heardMs = new Map<string, number>();
  /** When something came last, by the real clock. */
  #lastMs: number;
  /** This clock. */
  #nowMs = 0;

  /** Whoever is known now has the full time from now on. */
  constructor(
    directory: Directory,
    { silentMs = SILENT_MS, nowMs = () => performance.now() }: AttendanceOptions = {},
  ) {
    this.#directory = directory;
    this.#silentMs = silentMs;
    this.#realMs = nowMs;
    this.#lastMs = nowMs();
    for (const member of directory.state.ephemerals()) this.#heardMs.set(member, 0);
    this.#unwatch = directory.watch((change) => this.#onChange(change));
  }

  /** How long nothing came, milliseconds. */
  get quietMs(): number {
    return this.#realMs() - this.#lastMs;
  }

  /** The incarnation of an ephemeral member that is alive; undefined for any other. */
  aliveAs(member: string): string | undefined {
    const heardMs = this.#heardMs.get(member);
    if (heardMs === undefined || this.#isOver(heardMs)) return undefined;
    return this.#directory.state.ephemeral(member);
  }

  /** Names of those that are alive. */
  alive(): string[] {
    return [...this.#heardMs].filter(([, heardMs]) => !this.#isOver(heardMs)).map(([member]) => member);
  }

  /** Reads the directory to its end, so that silence counts also where nobody speaks. @throws as {@link Directory.sync} */
  async sync(): Promise<void> {
    const askedMs = this.#realMs();
    await this.#directory.sync();
    this.#move(askedMs);
  }

  /** Idempotent. */
  close(): void {
    this.#unwatch();
  }

  #onChange(change: ControlChange): void {
    this.#move(this.#realMs());
    if (change.kind === "gone") this.#heardMs.delete(change.member);
    if (change.kind !== "beat" || this.#directory.state.ephemeral(change.member) === undefined) return;
    this.#heardMs.set(change.member, this.#nowMs);
  }

  #move(toMs: number): void {
    const gapMs = toMs - this.#lastMs;
    if (gapMs <= 0) return;
    this.#lastMs = toMs;
    if (gapMs <= this.#silentMs / 2) {
      this.#nowMs += gapMs;
      return;
    }
    for (const [member, heardMs] of this.#heardMs) {
      if (!this.#isOver(heardMs)) this.#heardMs.set(member, this.#nowMs);
    }
  }

  #isOver(heardMs: number): boolean {
    return this.#nowMs - heardMs >= this.#silentMs;
  }
}
