import { countBy } from "./count.ts";
import { factsOf, isEnd, isLaneEffect, isStart } from "./facts.ts";
import type { Effect, FaultDone, History } from "./history.ts";
import { repeatedStarts } from "./repeats.ts";

/** What a run was like. Pauses and take-overs are milliseconds; null where there were none. */
export interface Figures {
  readonly requests: number;
  readonly answered: number;
  readonly failed: number;
  readonly unknown: number;
  readonly refused: number;
  readonly handled: number;
  readonly repeated: number;
  readonly deadLetters: number;
  /** Requests that are recorded, and how often they were sent. */
  readonly recorded: number;
  readonly recordedSends: number;
  readonly broadcasts: number;
  /** Members' standing in the end, over all broadcasts. */
  readonly told: Readonly<Record<string, number>>;
  readonly takeovers: number;
  /** From the fault to the first handler on a lane of the member that it hit. */
  readonly worstTakeOverMs: number | null;
  readonly moves: number;
  /** From the one member's giving a lane up in order to the other's having it. */
  readonly worstMovePauseMs: number | null;
  /** The same where the member took its own lane again: a restart in order. */
  readonly worstRestartPauseMs: number | null;
}

export function measure(history: History): Figures {
  const facts = factsOf(history);
  const { effects, terms } = facts;
  const concluded = (kind: string) =>
    history.outcomes.filter(({ conclusion }) => conclusion.kind === kind).length;
  const takeovers = takeOversMs(history, effects);
  const moves: number[] = [];
  const restarts: number[] = [];
  const hooks = new Map(
    effects.filter(isLaneEffect).map((each) => [`${each.event} ${each.lane}/${each.token}`, each.tMs]),
  );
  for (const ofLane of terms.values()) {
    for (const [i, term] of ofLane.entries()) {
      const next = ofLane[i + 1];
      if (term.ended !== "clean" || next === undefined) continue;
      const fromMs = hooks.get(`released ${term.lane}/${term.token}`);
      const toMs = hooks.get(`acquired ${next.lane}/${next.token}`);
      if (fromMs === undefined || toMs === undefined) continue;
      (next.member === term.member ? restarts : moves).push(toMs - fromMs);
    }
  }
  return {
    requests: history.requests.length,
    answered: concluded("done"),
    failed: concluded("failed"),
    unknown: concluded("unknown"),
    refused: concluded("refused"),
    handled: effects.filter(isEnd).filter(({ outcome }) => outcome === "done").length,
    repeated: repeatedStarts(facts).length,
    deadLetters: history.dead.size,
    recorded: new Set(history.recorded.map(({ id }) => id)).size,
    recordedSends: history.recorded.length,
    broadcasts: history.broadcasts.length,
    told: countBy(
      history.broadcasts.flatMap(({ finals: [final] }) => final?.members.map(({ state }) => state) ?? []),
    ),
    takeovers: takeovers.length,
    worstTakeOverMs: worst(takeovers),
    moves: moves.length,
    worstMovePauseMs: worst(moves),
    worstRestartPauseMs: worst(restarts),
  };
}

/** For each fault that silenced a member, and each lane it had: how long until a handler started there again. */
function takeOversMs({ faults }: History, effects: readonly Effect[]): number[] {
  return faults.flatMap(({ member, tMs, kind }) => {
    if (member === undefined || !SILENCING.has(kind)) return [];
    const owner = new Map<number, string>();
    for (const effect of effects) {
      if (effect.tMs > tMs) break;
      if (effect.event === "acquired") owner.set(effect.lane, effect.member);
      if (effect.event === "released" && owner.get(effect.lane) === effect.member) owner.delete(effect.lane);
    }
    return [...owner].flatMap(([lane, held]) => {
      if (held !== member) return [];
      const again = effects.find((effect) => isStart(effect) && effect.lane === lane && effect.tMs > tMs);
      if (again === undefined || faults.some((other) => disturbed(other, tMs, again.tMs))) return [];
      return [again.tMs - tMs];
    });
  });
}

/** Whether the broker was away between two times, or not long enough back. */
function disturbed({ kind, tMs, untilMs }: FaultDone, fromMs: number, toMs: number): boolean {
  return kind.endsWith("-broker") && tMs < toMs && fromMs < untilMs + BROKER_RECOVERY_MS;
}

const BROKER_RECOVERY_MS = 3_000;
const SILENCING: ReadonlySet<string> = new Set(["kill-worker", "stop-worker"]);

function worst(samplesMs: readonly number[]): number | null {
  return samplesMs.length === 0 ? null : Math.round(Math.max(...samplesMs));
}
