import { closeSync, openSync, readFileSync, writeSync } from "node:fs";

/** A line of the effect log that all workers of a test share: a handler began, or ended. */
export interface Effect {
  readonly event: "start" | "end";
  readonly handler: string;
  readonly key: string;
  readonly id: string;
  readonly lane: number;
  readonly offset: number;
  readonly attempt: number;
  readonly member: string;
  readonly pid: number;
  readonly fencingToken: number;
  /** At the end of `hold`: whether its signal had fired, and why the store refused its write. */
  readonly aborted?: boolean;
  readonly refused?: string;
}

/** A member at a broadcast. */
export interface Told {
  readonly event: "begun" | "acted";
  readonly id: string;
  readonly text: string;
  readonly member: string;
  readonly attempt: number;
  readonly pid: number;
}

export const toldFile = (effectsFile: string): string => `${effectsFile}.told`;

/** Lines are whole and in the order in which they were written, also from several processes and after a kill. */
export function openEffectLog<T = Effect>(path: string) {
  const fd = openSync(path, "a");
  return {
    write: (effect: T) => void writeSync(fd, `${JSON.stringify(effect)}\n`),
    close: () => closeSync(fd),
  };
}

/** The file that lets the gated handlers of a key go on. */
export function gateOf(effectsFile: string, key: string): string {
  return `${effectsFile}.${key}.go`;
}

export function readEffects<T = Effect>(path: string): T[] {
  const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line) as T);
}

export const placeOf = ({ lane, offset }: { readonly lane: number; readonly offset: number }): string =>
  `${lane}/${offset}`;

export function startsOf(effects: readonly Effect[]): Effect[] {
  return effects.filter(({ event }) => event === "start");
}

/** Where handlers ended, i.e. which records were handled. */
export function handledPlaces(effects: readonly Effect[]): Set<string> {
  return new Set(effects.filter(({ event }) => event === "end").map(placeOf));
}

/** Places where a handler started more than once. */
export function repeatedPlaces(effects: readonly Effect[]): string[] {
  const places = startsOf(effects).map(placeOf);
  const seen = new Set<string>();
  return places.filter((place) => seen.has(place) || !seen.add(place));
}

/**
 * What breaks C1 within one life of a process, in words: two requests of a key at the same time, a key that went back,
 * a key that two processes handled at the same time. A process that is gone can not go on: its open starts end with it.
 */
export function orderFaults(effects: readonly Effect[]): string[] {
  const faults: string[] = [];
  const keys = new Map<string, { pid: number; open: string | undefined; last: number }>();
  for (const effect of effects) {
    const { key, pid, event, offset } = effect;
    const before = keys.get(key);
    const here = before?.pid === pid ? before : { pid, open: undefined, last: -1 };
    keys.set(key, here);
    const place = placeOf(effect);
    if (event === "end") {
      if (here.open !== place) faults.push(`${key}: ${place} ended, ${here.open ?? "nothing"} was open`);
      here.open = undefined;
    } else {
      if (here.open !== undefined) faults.push(`${key}: ${place} began while ${here.open} was open`);
      if (offset <= here.last) faults.push(`${key}: ${place} began behind offset ${here.last}`);
      here.open = place;
      here.last = offset;
    }
  }
  return faults;
}
