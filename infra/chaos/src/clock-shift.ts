/**
 * Preloaded: lets the run move the wall clock of this process, as an operator or NTP would move a host's. Timers and the
 * monotonic clock are left alone, as they are there.
 */
const hostNow = Date.now;
let byMs = 0;

class ShiftedDate extends Date {
  constructor(...args: unknown[]) {
    if (args.length === 0) super(hostNow() + byMs);
    else super(...(args as [number]));
  }

  static override now(): number {
    return hostNow() + byMs;
  }
}

globalThis.Date = ShiftedDate as DateConstructor;
process.on("message", (message: { readonly kind?: unknown; readonly byMs?: unknown }) => {
  if (message.kind === "shift-clock") byMs = Number(message.byMs);
});
process.channel?.unref();
