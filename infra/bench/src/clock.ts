/** Milliseconds of the machine's monotonic clock: unlike `performance.now()`, the same in all processes. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
