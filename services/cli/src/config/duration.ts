import { z } from "zod";

const DURATION = /^(\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h|d)$/;
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

const A_TIME = "a time with its unit, such as 500ms, 60s, 5m, 1h or 2d";

/** Longest time that a timer can hold, milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Text such as `500ms`, `60s`, `1.5h`, as whole milliseconds. A number without a unit is refused: of what? */
export function duration(maxMs: number = MAX_TIMER_MS) {
  return z.string(A_TIME).transform((text, context) => {
    const [, amount, unit = ""] = DURATION.exec(text.trim()) ?? [];
    const ms = Math.round(Number(amount) * (UNIT_MS[unit] ?? Number.NaN));
    if (ms >= 1 && ms <= maxMs) return ms;
    const message = Number.isNaN(ms)
      ? `${A_TIME}, got ${JSON.stringify(text)}`
      : `at least 1ms and at most ${Math.floor(maxMs / 1_000)}s, got ${JSON.stringify(text)}`;
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  });
}
