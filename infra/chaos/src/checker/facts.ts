import type {
  Effect,
  HandlerEnd,
  HandlerStart,
  History,
  LaneEffect,
  ReplyOnLog,
  RequestOnLog,
} from "./history.ts";
import { type Term, termsOf } from "./terms.ts";

/** What several clauses need to know, made of a history once. */
export interface Facts {
  readonly history: History;
  /** In the order of time. */
  readonly effects: readonly Effect[];
  readonly endOf: ReadonlyMap<HandlerStart, HandlerEnd>;
  readonly requestOf: ReadonlyMap<string, RequestOnLog>;
  /** Ends that came of no stale start, by request. */
  readonly doneOf: ReadonlyMap<string, readonly HandlerEnd[]>;
  readonly repliesOf: ReadonlyMap<string, readonly ReplyOnLog[]>;
  /** Replies that count, by request: those that no mark before them has made void (C4). */
  readonly countedOf: ReadonlyMap<string, readonly ReplyOnLog[]>;
  readonly termOf: (lane: number, token: number) => Term | undefined;
  /**
   * Whether a handler had been told to give up when its owner gave the lane up: the time to finish was over, and what it
   * brought is dropped.
   */
  readonly abandoned: (end: HandlerEnd) => boolean;
  /**
   * Whether an owner gave its lane up in order: it released it itself, after its hook. Without the hook it had lost the
   * lane before, in a way that only it knew of, and only tidied up.
   */
  readonly gaveUp: (owner: { readonly lane: number; readonly token: number }) => boolean;
  readonly terms: ReadonlyMap<number, readonly Term[]>;
  /** Starts under a token when a newer owner of the lane had shown itself already (C2). */
  readonly stale: ReadonlySet<HandlerStart>;
}

export function factsOf(history: History): Facts {
  const effects = [...history.effects].sort((a, b) => a.tMs - b.tMs);
  const endOf = pairs(effects);
  const stale = staleStarts(effects);
  const staleEnds = new Set([...stale].map((start) => endOf.get(start)));
  const terms = termsOf(history.control);
  const byToken = new Map([...terms.values()].flat().map((term) => [`${term.lane}/${term.token}`, term]));
  const releasedMs = new Map(
    effects
      .filter(({ event }) => event === "released")
      .map(({ lane, token, tMs }) => [`${lane}/${token}`, tMs]),
  );
  const requestOf = new Map(history.requests.map((request) => [request.id, request]));
  return {
    history,
    effects,
    endOf,
    requestOf,
    doneOf: Map.groupBy(
      effects.filter(isEnd).filter((end) => end.outcome === "done" && !staleEnds.has(end)),
      ({ id }) => id,
    ),
    repliesOf: Map.groupBy(history.replies, ({ id }) => id),
    countedOf: Map.groupBy(countedReplies(history, requestOf), ({ id }) => id),
    termOf: (lane, token) => byToken.get(`${lane}/${token}`),
    abandoned: ({ lane, token, abortedMs }) =>
      abortedMs !== null && abortedMs <= (releasedMs.get(`${lane}/${token}`) ?? Number.POSITIVE_INFINITY),
    gaveUp: ({ lane, token }) => {
      const name = `${lane}/${token}`;
      return releasedMs.has(name) && byToken.get(name)?.ended === "clean";
    },
    terms,
    stale,
  };
}

export function isStart(effect: Effect): effect is HandlerStart {
  return effect.event === "start";
}

export function isEnd(effect: Effect): effect is HandlerEnd {
  return effect.event === "end";
}

export function isLaneEffect(effect: Effect): effect is LaneEffect {
  return effect.event === "acquired" || effect.event === "released";
}

/** Which end belongs to which start. A start without one was cut off. */
function pairs(effects: readonly Effect[]): Map<HandlerStart, HandlerEnd> {
  const open = new Map<string, HandlerStart>();
  const endOf = new Map<HandlerStart, HandlerEnd>();
  for (const effect of effects) {
    if (isLaneEffect(effect)) continue;
    const name = `${effect.incarnation}/${effect.token}/${effect.id}/${effect.attempt}`;
    if (isStart(effect)) {
      open.set(name, effect);
      continue;
    }
    const start = open.get(name);
    if (start !== undefined) endOf.set(start, effect);
    open.delete(name);
  }
  return endOf;
}

function staleStarts(effects: readonly Effect[]): Set<HandlerStart> {
  const newest = new Map<number, number>();
  const stale = new Set<HandlerStart>();
  for (const effect of effects) {
    if (effect.event !== "start" && effect.event !== "acquired") continue;
    const { lane, token } = effect;
    const before = newest.get(lane) ?? -1;
    if (token >= before) newest.set(lane, token);
    else if (effect.event === "start") stale.add(effect);
  }
  return stale;
}

function countedReplies(
  { replies, marks }: History,
  requestOf: ReadonlyMap<string, RequestOnLog>,
): ReplyOnLog[] {
  const marksOf = Map.groupBy(marks, ({ partition }) => partition);
  return replies.filter(({ id, token, partition, offset }) => {
    const lane = requestOf.get(id)?.lane;
    if (token === undefined || lane === undefined) return true;
    return !(marksOf.get(partition) ?? []).some(
      (mark) => mark.offset < offset && token <= (mark.tokens.get(lane) ?? -1),
    );
  });
}
