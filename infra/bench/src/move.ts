import { setTimeout as sleep } from "node:timers/promises";
import { nowMs } from "./clock.ts";
import type { Ground } from "./cluster.ts";
import { Failed } from "./failed.ts";
import { printFigure, sorted } from "./figures.ts";
import { roundsOf } from "./measure.ts";
import { Cluster } from "./members/cluster.ts";
import { type Move, movesOf } from "./members/moves.ts";
import { measure } from "./moving/analysis.ts";
import { PacedLoad } from "./paced/load.ts";
import { printBeside, printWaits } from "./paced/report.ts";
import type { Window } from "./paced/samples.ts";

const LANES = 24;
const FROM = 3;
const TO = 4;
/** 24 lanes: 8 each → 6 each, and back. */
const MOVED = 6;
const RATE_PER_SECOND = 500;
const CALM_MS = 2_000;
const WARM_UP_MS = 5_000;
/** A broker that was just started has compiled nothing of what a move needs: its first ones take several times as long. */
const WARM_UP_ROUNDS = 4;
/** After the last lane was taken, until what has waited is done. */
const AFTER_MS = 1_000;

/** What callers notice when lanes move to a new member and back, under load: of the lanes that move, and of the others. */
export async function move(ground: Ground, { seconds }: { readonly seconds: number }): Promise<void> {
  const load = await PacedLoad.start(ground.resources);
  const cluster = await Cluster.start(ground, { name: "move", lanes: LANES, replicas: FROM });
  // Up before its lanes are: how long a process takes to start is not in question.
  await cluster.add();
  const plan = { url: cluster.url, ratePerSecond: RATE_PER_SECOND, targets: cluster.targets() };
  await load.warmUp(plan, WARM_UP_MS);

  const { rounds, durationMs } = roundsOf(seconds, CALM_MS);
  await load.begin(plan);
  const calm: Window[] = [];
  const moves: Move[][] = [];
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    const fromMs = nowMs();
    await sleep(round < 0 ? AFTER_MS : durationMs);
    if (round >= 0) calm.push({ fromMs, toMs: nowMs() });
    for (const replicas of [TO, FROM]) {
      const before = cluster.events.length;
      await cluster.want(replicas);
      await cluster.balanced(replicas);
      await sleep(AFTER_MS);
      if (round >= 0) moves.push(movesOf(cluster.events.slice(before)));
    }
  }
  const result = await load.end();

  const { calmMs, stayedMs, pausesMs } = measure({ calm, moves }, result.samples);
  const gapsMs = sorted([Float64Array.from(moves.flat(), ({ fromMs, toMs }) => toMs - fromMs)]);
  console.error(
    `move: ${rounds} × ${FROM} → ${TO} → ${FROM} members, ${result.samples.length} requests, ${pausesMs.length} pauses`,
  );
  const counts = moves.map(({ length }) => length);
  printFigure({ name: "move.moved.fewest", value: Math.min(...counts), unit: "lanes" });
  printFigure({ name: "move.moved.most", value: Math.max(...counts), unit: "lanes" });
  printWaits("move.pause", pausesMs);
  printWaits("move.gap", gapsMs);
  printBeside("move.calm", calmMs, "move.stayed", stayedMs);
  printFigure({ name: "move.failed", value: result.failed, unit: "requests" });

  if (result.failed > 0) throw new Failed("move", result);
  if (counts.some((count) => count !== MOVED)) {
    throw new Error(`move: ${MOVED} lanes must move at a time, and these did: ${counts.join(", ")}`);
  }
}
