/** A fault with all that is to be known to carry it out. Members and gateways by ordinal, times in milliseconds. */
export type Fault =
  /** SIGKILL; started again after `downMs`. */
  | { readonly kind: "kill-worker"; readonly member: number; readonly downMs: number }
  /** SIGSTOP, then SIGCONT: longer than a lease, it comes back as a zombie. */
  | { readonly kind: "stop-worker"; readonly member: number; readonly forMs: number }
  | { readonly kind: "kill-gateway"; readonly gateway: number; readonly downMs: number }
  | { readonly kind: "stop-gateway"; readonly gateway: number; readonly forMs: number }
  /** SIGTERM and a new start, one worker after another. */
  | { readonly kind: "roll" }
  | { readonly kind: "restart-broker" }
  | { readonly kind: "stop-broker"; readonly forMs: number }
  | { readonly kind: "slow-link"; readonly member: number; readonly delayMs: number; readonly forMs: number }
  /** `cut`: connections break and none comes through. `hold`: they stay, and nothing comes through. */
  | {
      readonly kind: "cut-link";
      readonly member: number;
      readonly how: "cut" | "hold";
      readonly forMs: number;
    }
  | { readonly kind: "scale"; readonly replicas: number }
  /** The wall clock of a worker's process jumps, and back. */
  | { readonly kind: "clock"; readonly member: number; readonly byMs: number; readonly forMs: number };

export type FaultKind = Fault["kind"];

/** Each kind, and whether it needs a broker of our own. */
export const FAULTS: Readonly<Record<FaultKind, { readonly ownBroker: boolean }>> = {
  "kill-worker": { ownBroker: false },
  "stop-worker": { ownBroker: false },
  "kill-gateway": { ownBroker: false },
  "stop-gateway": { ownBroker: false },
  roll: { ownBroker: false },
  "restart-broker": { ownBroker: true },
  "stop-broker": { ownBroker: true },
  "slow-link": { ownBroker: true },
  "cut-link": { ownBroker: true },
  scale: { ownBroker: false },
  clock: { ownBroker: false },
};

export function isFaultKind(text: string): text is FaultKind {
  return Object.hasOwn(FAULTS, text);
}
