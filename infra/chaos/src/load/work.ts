import type { Random } from "@shardcast/infra-random";

/** What a request wants of its handler; its body. */
export interface Work {
  readonly n: number;
  readonly takesMs: number;
  /** `once`: at the first attempt of a delivery. `always`: it is poison. */
  readonly fails: "never" | "once" | "always";
}

/** What a broadcast wants of its handlers; its body. */
export interface BroadcastWork extends Work {
  /** The member whose handler fails. */
  readonly at: string;
}

/** A request, and how long its caller waits. */
export interface Call {
  readonly work: Work;
  readonly timeoutMs: number;
}

/** Mostly quick and good, as requests are. */
export function drawCall(n: number, random: Random): Call {
  const takesMs = random.chance(0.05) ? 200 : random.between(0, 20);
  const fate = random.next();
  const fails = fate < 0.003 ? "always" : fate < 0.06 ? "once" : "never";
  const timeoutMs = random.chance(0.04) ? random.between(1_000, 3_000) : random.between(30_000, 60_000);
  return { work: { n, takesMs, fails }, timeoutMs };
}
