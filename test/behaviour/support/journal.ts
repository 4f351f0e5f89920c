import { existsSync } from "node:fs";
import { type Effect, readEffects } from "../../e2e/support/effects.ts";

/** A line of the journal that the applications of a run write together: a booking began, or ended, with its status. */
export interface Booking extends Omit<Effect, "event"> {
  readonly event: "start" | "end";
  readonly atMs: number;
  readonly remainingMs?: number;
  readonly status?: number;
}

/** A replica was told the interest, by a broadcast. */
export interface Told {
  readonly event: "interest";
  readonly id: string;
  readonly member: string;
  readonly percent: number;
}

export interface Journal {
  bookings(): Booking[];
  /** The attempts for an account. */
  startsOf(key: string): Booking[];
  told(): Told[];
}

export function journalAt(path: string): Journal {
  const all = () => (existsSync(path) ? readEffects<Booking | Told>(path) : []);
  const bookings = () => all().filter((line) => line.event !== "interest");
  return {
    bookings,
    startsOf: (wanted) => bookings().filter(({ event, key }) => event === "start" && key === wanted),
    told: () => all().filter((line) => line.event === "interest"),
  };
}
