import type {
  BroadcastEnvelope,
  BroadcastStatus,
  ExpectedMember,
  MemberOutcome,
  MemberProgress,
} from "@shardcast/protocol";
import type { BroadcastChange } from "./broadcasts.ts";
import { isFinal, isSame, progressOf } from "./progress.ts";
import type { Roster } from "./roster.ts";
import { judge } from "./verdict.ts";
import type { Said, Word } from "./words.ts";

export type Effect =
  /** Of these members. */
  | { readonly kind: "changed"; readonly members: readonly MemberOutcome[] }
  | { readonly kind: "dropped"; readonly why: "unexpected" | "stale" | "late" }
  /** It says nothing new. */
  | { readonly kind: "none" };

type Terms = Omit<BroadcastEnvelope, "body" | "headers" | "contentType" | "traceparent" | "expected">;

const NONE: Effect = { kind: "none" };
/** What a reply takes beside its body, roughly. */
const REPLY_BYTES = 200;

/**
 * One broadcast and what was said of it, folded in the order of the log (decision 020). Everybody folds the same records, and
 * so says the same, its `seq` included:
 *
 * - B1 Of what is said of a member the first final word counts; nothing takes it back.
 * - B2 Only expected members count; an ephemeral one only as the incarnation that was expected.
 * - B3 A durable member's word does not count when another process had replaced the speaker before.
 * - B4 Of what is not final the newest counts; a repetition of it is no change.
 */
export class BroadcastState {
  readonly terms: Terms;
  readonly roster: Roster;
  /** In the order of the roster; the roster's own until something changes. */
  #outcomes: readonly MemberOutcome[];
  /** By which change each came to stand as it does; empty until something changes. */
  #changedBy: number[] = [];
  /** The first change is that it was accepted. */
  #seq = 1;
  #acked = 0;
  #gone = 0;
  #final = 0;
  #closed: "expired" | "cancelled" | undefined;
  #bytes = 0;
  #status: BroadcastStatus | undefined;

  constructor(broadcast: BroadcastEnvelope, roster: Roster) {
    const { id, service, handler, acceptedMs, expiresMs, ack, epoch, targeted, redriveOf } = broadcast;
    this.terms = {
      ...{ id, service, handler, acceptedMs, expiresMs, ack, epoch, targeted },
      ...(redriveOf === undefined ? {} : { redriveOf }),
    };
    this.roster = roster;
    this.#outcomes = roster.waiting;
  }

  get seq(): number {
    return this.#seq;
  }

  /** What replies take, roughly. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Something final was said of every expected member: nothing changes any more. */
  get complete(): boolean {
    return this.#final === this.#outcomes.length;
  }

  get open(): boolean {
    return this.#judge().verdict === "open";
  }

  get outcomes(): readonly MemberOutcome[] {
    return this.#outcomes;
  }

  /** Of whom nothing final was said. */
  unfinished(): ExpectedMember[] {
    return this.roster.expected.filter((_, place) => !this.#isFinal(place));
  }

  /** All that is known now; the same object until something changes. */
  get status(): BroadcastStatus {
    this.#status ??= this.#describe();
    return this.#status;
  }

  since(seq: number): BroadcastChange {
    const members = this.#outcomes.filter((_, place) => (this.#changedBy[place] ?? 1) > seq);
    return { seq: this.#seq, members, status: this.status };
  }

  /** @param replaced a newer process of the speaker had spoken before */
  apply(word: Word, replaced: boolean): Effect {
    switch (word.kind) {
      case "gone": {
        const { atMs } = word;
        const places = word.members.flatMap(({ member, incarnation }) => {
          const place = this.roster.placeOf(member);
          if (place === undefined || this.roster.expected[place]?.incarnation !== incarnation) return [];
          return this.#isFinal(place) ? [] : [place];
        });
        return this.#change([...new Set(places)], { state: "gone", atMs });
      }
      case "closed": {
        const { why: state, atMs } = word;
        const places = [...this.#outcomes.keys()].filter((place) => !this.#isFinal(place));
        if (places.length > 0) this.#closed = state;
        return this.#change(places, { state, atMs });
      }
      default:
        return this.#said(word, replaced);
    }
  }

  #said(word: Said, replaced: boolean): Effect {
    const { author } = word;
    const place = this.roster.placeOf(author.member);
    if (place === undefined) return { kind: "dropped", why: "unexpected" }; // B2
    const incarnation = "incarnation" in author ? author.incarnation : undefined;
    if (replaced || this.roster.expected[place]?.incarnation !== incarnation) {
      return { kind: "dropped", why: "stale" }; // B2 B3
    }
    if (this.#isFinal(place)) return { kind: "dropped", why: "late" }; // B1
    const progress = progressOf(word);
    return isSame(progress, this.#outcomes[place]) ? NONE : this.#change([place], progress); // B4
  }

  #change(places: readonly number[], progress: MemberProgress): Effect {
    if (places.length === 0) return NONE;
    if (this.#changedBy.length === 0) {
      this.#outcomes = [...this.#outcomes];
      this.#changedBy = this.#outcomes.map(() => 1);
    }
    this.#seq++;
    const members = places.map((place) => this.#put(place, progress));
    const { state } = progress;
    if (isFinal(state)) this.#final += places.length;
    if (state === "gone") this.#gone += places.length;
    if (progress.state === "acked") {
      this.#acked += places.length;
      this.#bytes += REPLY_BYTES + progress.reply.body.byteLength;
    }
    this.#status = undefined;
    return { kind: "changed", members };
  }

  #put(place: number, progress: MemberProgress): MemberOutcome {
    const { member, kind } = this.#outcomes[place] as MemberOutcome;
    const outcome = { member, kind, ...progress };
    (this.#outcomes as MemberOutcome[])[place] = outcome;
    this.#changedBy[place] = this.#seq;
    return outcome;
  }

  #isFinal(place: number): boolean {
    return isFinal((this.#outcomes[place] as MemberOutcome).state);
  }

  #judge() {
    return judge(this.terms.ack, {
      expected: this.#outcomes.length,
      acked: this.#acked,
      gone: this.#gone,
      final: this.#final,
      closed: this.#closed,
    });
  }

  #describe(): BroadcastStatus {
    const { id, service, handler, ack, acceptedMs, expiresMs, epoch, redriveOf } = this.terms;
    return {
      ...{ id, service, handler, acceptedMs, expiresMs, epoch },
      ack: ack.kind === "count" ? ack.count : ack.kind,
      ...this.#judge(),
      partial: this.#acked < this.#outcomes.length - this.#gone,
      members: [...this.#outcomes],
      ...(redriveOf === undefined ? {} : { redriveOf }),
    };
  }
}
