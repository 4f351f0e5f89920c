/** Milliseconds of the host's monotonic clock: the same in all processes, and no fault of ours moves it. */
export function hostMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
