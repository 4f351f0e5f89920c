import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { acquireTestBroker, type TestBroker } from "@shardcast/infra-kafka";
import { expect, onTestFinished, test } from "vitest";
import { type Cluster, SERVICE, startCluster } from "./support/cluster.ts";
import { type Effect, gateOf, readEffects, startsOf } from "./support/effects.ts";
import { readTopic } from "./support/kafka.ts";
import { keysOfLane } from "./support/keys.ts";
import { type Answered, type Asked, MODES, type Receiver, startReceiver } from "./support/modes.ts";

const MODE_NAMES = Object.keys(MODES);
const VICTIM = 1;
const TIMEOUT_S = 1;
/** For what is not about deadlines: a broker takes its time to restart on a busy machine. */
const PATIENT_MS = 120_000;

interface Scene {
  readonly cluster: Cluster;
  readonly receiver: Receiver;
  readonly broker: TestBroker;
  /** Keys of this situation, one a mode. */
  readonly keys: readonly string[];
}

interface Situation {
  readonly handler?: string;
  readonly timeoutS?: number;
  /** Before the requests are sent. */
  readonly before?: (scene: Scene) => Promise<void>;
  /** When the requests are on the log; ends with the gates open, or they never will be. */
  readonly happen: (scene: Scene) => Promise<void>;
  readonly expected: { readonly status: number; readonly code?: string; readonly state: string };
}

const REPLIED = { status: 201, state: "replied" };

const SITUATIONS: Readonly<Record<string, Situation>> = {
  normal: {
    happen: async (scene) => {
      await started(scene);
      open(scene);
    },
    expected: REPLIED,
  },
  "owner dies": {
    happen: async (scene) => {
      await started(scene);
      const worker = scene.cluster.workers[VICTIM];
      worker?.kill("SIGKILL");
      await worker?.exited;
      await scene.cluster.startWorker(VICTIM);
      open(scene);
    },
    expected: REPLIED,
  },
  "gateway dies": {
    happen: async (scene) => {
      await started(scene);
      const { program } = scene.cluster.gateways[0] as Cluster["gateways"][number];
      program.kill("SIGKILL");
      await program.exited;
      open(scene);
      await scene.cluster.startGateway(0);
    },
    expected: REPLIED,
  },
  "broker restarts": {
    happen: async (scene) => {
      await started(scene);
      await scene.broker.restart();
      open(scene);
    },
    expected: REPLIED,
  },
  "deadline passes": {
    timeoutS: TIMEOUT_S,
    before: async (scene) => {
      const first = scene.keys.map((key) => ask(scene, "poll", { key, handler: "gated" }));
      await started(scene);
      void Promise.allSettled(first);
    },
    happen: async (scene) => {
      await sleep(TIMEOUT_S * 1_000 + 200);
      open(scene);
    },
    expected: { status: 504, code: "SHARDCAST_DEADLINE_EXCEEDED", state: "expired" },
  },
  cancelled: {
    happen: async (scene) => {
      const { cluster } = scene;
      for (const { id } of await started(scene)) {
        const answer = await (cluster.gateways[1]?.http ?? cluster.http).delete(statusOf(id));
        expect(answer.status).toBe(202);
      }
    },
    expected: { status: 410, code: "SHARDCAST_CANCELLED", state: "cancelled" },
  },
  "handler fails terminally": {
    handler: "refuse",
    happen: async (scene) => {
      await started(scene);
      open(scene);
    },
    expected: { status: 409, code: "SHARDCAST_HANDLER_REFUSED", state: "failed" },
  },
  "handler exhausts retries": {
    handler: "fail",
    happen: async () => {},
    expected: { status: 502, code: "SHARDCAST_ATTEMPTS_EXHAUSTED", state: "dead-lettered" },
  },
};

test("every way to get an answer, whatever happens meanwhile (C3, C4, C5, C8, C9)", {
  timeout: 240_000,
}, async () => {
  const broker = await acquireTestBroker({ exclusive: true });
  onTestFinished(() => broker.stop());
  const receiver = await startReceiver();
  const env = {
    SHARDCAST_CALLBACK_HOSTS: new URL(receiver.origin).host,
    SHARDCAST_CALLBACK_SECRET: `whsec_${Buffer.alloc(24, "secret").toString("base64")}`,
    SHARDCAST_CALLBACK_ALLOW_PRIVATE: "true",
    SHARDCAST_CALLBACK_RETRY_MIN_MS: "200",
    SHARDCAST_MAX_ATTEMPTS: "2",
    SHARDCAST_RETRY_MIN_MS: "10",
    SHARDCAST_DEFAULT_TIMEOUT_MS: String(PATIENT_MS),
  };
  const cluster = await startCluster({ brokers: broker.brokers, gateways: 2, env });
  const table: Record<string, unknown> = {};
  const wanted: Record<string, unknown> = {};

  for (const [situation, { handler = "gated", timeoutS, before, happen, expected }] of Object.entries(
    SITUATIONS,
  )) {
    const prefix = situation.replaceAll(" ", "-");
    const scene: Scene = { cluster, receiver, broker, keys: keysOfLane(VICTIM, MODE_NAMES.length, prefix) };
    await before?.(scene);
    const asked = MODE_NAMES.map((mode, i) =>
      ask(scene, mode, {
        key: scene.keys[i] as string,
        handler,
        ...(timeoutS === undefined ? {} : { timeoutS }),
      }),
    );
    Promise.all(asked).catch(() => {}); // awaited below, when it has happened
    await happen(scene);
    for (const [i, mode] of MODE_NAMES.entries()) {
      const cell = `${mode} × ${situation}`;
      const key = scene.keys[i] as string;
      table[cell] = await seen(scene, await (asked[i] as Promise<Answered>), key);
      wanted[cell] = {
        status: expected.status,
        code: expected.code,
        state: expected.state,
        everywhere: true,
      };
    }
  }
  expect(table).toEqual(wanted);

  const effects = readEffects(cluster.effectsFile);
  // C5, C8: what was answered completed once; what expired never started.
  for (const situation of ["normal", "owner dies", "gateway dies", "broker restarts"]) {
    for (const key of keysOfLane(VICTIM, MODE_NAMES.length, situation.replaceAll(" ", "-"))) {
      expect(endsOf(effects, key), key).toHaveLength(1);
    }
  }
  for (const key of keysOfLane(VICTIM, MODE_NAMES.length, "deadline-passes")) {
    expect(
      startsOf(effects).filter((each) => each.key === key),
      key,
    ).toHaveLength(1); // the one before it
  }
  for (const key of keysOfLane(VICTIM, MODE_NAMES.length, "cancelled")) {
    expect(endsOf(effects, key), key).toEqual([]);
  }
  // C9: given up, and where they can be found again.
  const dead = await readTopic(broker.brokers, cluster.topics.dead);
  const given = new Set(dead.map(({ key }) => key?.toString()));
  expect(given).toEqual(new Set(keysOfLane(VICTIM, MODE_NAMES.length, "handler-exhausts-retries")));
});

function ask({ cluster, receiver }: Scene, mode: string, asked: Asked): Promise<Answered> {
  return (MODES[mode] as (typeof MODES)[string])(cluster, asked, receiver);
}

/** Resolves when a handler has started for every key; to those starts. */
async function started({ cluster, keys }: Scene): Promise<Effect[]> {
  for (;;) {
    const starts = startsOf(readEffects(cluster.effectsFile));
    const found = keys.map((key) => starts.findLast((each) => each.key === key));
    if (found.every((each) => each !== undefined)) return found;
    await sleep(20);
  }
}

function open({ cluster, keys }: Scene): void {
  for (const key of keys) writeFileSync(gateOf(cluster.effectsFile, key), "");
}

/** What the caller got, and whether every gateway says the same when it is asked by id. */
async function seen({ cluster }: Scene, { id, status, body, events }: Answered, key: string) {
  const answers = await Promise.all(cluster.gateways.map(({ http }) => http.get(`${statusOf(id)}?wait=20`)));
  const states = new Set(answers.map(({ headers }) => headers["shardcast-request-state"]));
  const bodies = new Set(answers.map((answer) => unnamed(answer.body)));
  const { code } = JSON.parse(body) as { readonly code?: string };
  // Who waits is told by the gateway that his time is over, before the owner has said so.
  if (code !== "SHARDCAST_DEADLINE_EXCEEDED") bodies.add(unnamed(body));
  const everywhere = bodies.size === 1 && answers.every((answer) => answer.status === status);
  if (events.length > 0) expect([events[0], events.at(-1)], key).toEqual(["accepted", "done"]);
  return { status, code, state: [...states].join(" or "), everywhere };
}

/** Gateways name the request in a problem; what is called back names it in a header. */
function unnamed(body: string): string {
  const { requestId: _, ...rest } = JSON.parse(body) as { readonly requestId?: string };
  return JSON.stringify(rest);
}

const statusOf = (id: string) => `/v1/${SERVICE}/requests/${id}`;

function endsOf(effects: readonly Effect[], key: string): Effect[] {
  return effects.filter((each) => each.event === "end" && each.key === key);
}
