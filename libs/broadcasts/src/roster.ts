import type { ExpectedMember, MemberOutcome } from "@shardcast/protocol";

/** Whom a broadcast expects, in the order of their names; numbers by their value, before the others. Shared by many. */
export class Roster {
  readonly expected: readonly ExpectedMember[];
  /** How all of them stand in the beginning. */
  readonly waiting: readonly MemberOutcome[];
  readonly hasEphemerals: boolean;
  /** The highest ordinal of a durable member; -1 without one. */
  readonly highest: number;
  readonly #given: readonly ExpectedMember[];
  readonly #places: ReadonlyMap<string, number>;

  constructor(given: readonly ExpectedMember[]) {
    this.#given = given;
    const byName = new Map<string, ExpectedMember>();
    for (const each of given) if (!byName.has(each.member)) byName.set(each.member, each);
    this.expected = [...byName.values()].sort((a, b) => byOrder(a.member, b.member));
    this.#places = new Map(this.expected.map(({ member }, place) => [member, place]));
    this.hasEphemerals = this.expected.some(({ incarnation }) => incarnation !== undefined);
    const ordinals = this.expected.map((each) =>
      each.incarnation === undefined ? ordinalOf(each.member) : -1,
    );
    this.highest = ordinals.reduce<number>((highest, ordinal = -1) => Math.max(highest, ordinal), -1);
    this.waiting = this.expected.map(({ member, incarnation }) => ({
      member,
      kind: incarnation === undefined ? "durable" : "ephemeral",
      state: "waiting",
    }));
  }

  placeOf(member: string): number | undefined {
    return this.#places.get(member);
  }

  /** Whether it is the roster of this list: mostly, one broadcast expects whom the one before did. */
  isOf(given: readonly ExpectedMember[]): boolean {
    return (
      given.length === this.#given.length &&
      given.every(({ member, incarnation }, i) => {
        const before = this.#given[i];
        return member === before?.member && incarnation === before.incarnation;
      })
    );
  }
}

const ORDINAL = /^(0|[1-9][0-9]{0,8})$/;

/** The number of a durable member; undefined for another name. */
export function ordinalOf(member: string): number | undefined {
  return ORDINAL.test(member) ? Number(member) : undefined;
}

function byOrder(a: string, b: string): number {
  const [first, second] = [
    ordinalOf(a) ?? Number.POSITIVE_INFINITY,
    ordinalOf(b) ?? Number.POSITIVE_INFINITY,
  ];
  if (first !== second) return first - second;
  return a < b ? -1 : 1;
}
