import type { Gate } from "../../api/gate.ts";
import type { Probe } from "../../api/pod.ts";
import { probe } from "./prober.ts";
import { type Target, tryHandler } from "./try-handler.ts";

export interface Health {
  /** What the startup probe says, true without one. Liveness and readiness are looked at from then on. */
  readonly started: boolean;
  readonly ready: boolean;
}

export interface HealthWatch {
  readonly target: Target;
  readonly gate: Gate;
  /** Fires when the process has ended. */
  readonly ended: AbortSignal;
  /** Fires when it is to end: from then on only its readiness is of interest. */
  readonly ending: AbortSignal;
  changed(health: Health): void;
  /** The process is to be ended, for this reason, within its probe's grace. */
  unhealthy(reason: string, probe: Probe): void;
}

/** Tells how one life of a container is, as its probes see it. */
export function watchHealth(watch: HealthWatch): void {
  const { target, gate, ended, ending } = watch;
  const { startupProbe, livenessProbe, readinessProbe } = target.container;
  const run = (of: Probe, signal: AbortSignal, eager: boolean, verdict: (well: boolean) => void) =>
    void probe({
      ...{ probe: of, signal, gate },
      // A command is a process each time, which costs the machine too much to be looked at in between.
      eager: eager && of.exec === undefined,
      look: (limit) => tryHandler(of, target, limit),
      verdict: (said) => verdict(said === "success"),
    });
  const begin = () => {
    watch.changed({ started: true, ready: readinessProbe === undefined });
    if (readinessProbe !== undefined) {
      run(readinessProbe, ended, true, (ready) => watch.changed({ started: true, ready }));
    }
    if (livenessProbe !== undefined) {
      run(livenessProbe, AbortSignal.any([ended, ending]), false, (well) => {
        if (!well) watch.unhealthy("liveness", livenessProbe);
      });
    }
  };
  if (startupProbe === undefined) {
    begin();
    return;
  }
  watch.changed({ started: false, ready: false });
  const over = new AbortController();
  run(startupProbe, AbortSignal.any([ended, ending, over.signal]), true, (well) => {
    over.abort();
    if (well) begin();
    else watch.unhealthy("startup", startupProbe);
  });
}
