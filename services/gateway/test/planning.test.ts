import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Directory, openDirectory } from "@shardcast/control";
import type { Log } from "@shardcast/log";
import { createMemoryLog, MemoryCluster } from "@shardcast/log/memory";
import { ShardcastError, type TopicSpec, topicsOf } from "@shardcast/protocol";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { recordingLogger, startGateway } from "./support/gateway.ts";
import { call } from "./support/http.ts";
import { startWorker } from "./support/worker.ts";

/** The directory of a service as somebody else sees it. */
async function directoryOf(cluster: MemoryCluster, service = "accounts"): Promise<Directory> {
  const log = createMemoryLog({ cluster });
  onTestFinished(() => log.close());
  return openDirectory(log, { service });
}

/** Resolves when the directory says so. */
function until(directory: Directory, holds: (state: Directory["state"]) => boolean): Promise<void> {
  if (holds(directory.state)) return Promise.resolve();
  return new Promise((resolve) => {
    const stop = directory.watch((_, state) => {
      if (!holds(state)) return;
      stop();
      resolve();
    });
  });
}

function topicsWithoutControl(cluster: MemoryCluster, service: string): void {
  const { control: _, ...rest } = topicsOf(service, { lanes: 3 });
  for (const spec of Object.values(rest)) cluster.createTopic(spec);
}

/** A log that refuses to create topics, as Kafka does without the permission, while it is told to. */
function refusing(log: Log) {
  const ensure = log.ensureTopics.bind(log);
  const refusal = { active: true, asked: [] as (readonly TopicSpec[])[] };
  log.ensureTopics = (specs) => {
    refusal.asked.push(specs);
    if (refusal.active) throw new ShardcastError("SHARDCAST_LOG_REFUSED", "not allowed to create topics");
    return ensure(specs);
  };
  return refusal;
}

describe("planning", () => {
  it("begins by itself for a service with lanes, with the replicas that are configured", async () => {
    const { gateway, cluster } = await startGateway({ services: "accounts=4/2", planner: true });
    await gateway.ready;
    const { state } = await planned(cluster, 2);
    expect(state.map).toEqual({ epoch: 1, replicas: 2, lanes: [0, 1, 0, 1] });
  });

  it("begins for a service whose lanes are found, and creates nothing but what it needs itself", async () => {
    const cluster = new MemoryCluster();
    topicsWithoutControl(cluster, "accounts");
    const log = createMemoryLog({ cluster });
    const refusal = refusing(log);
    refusal.active = false;
    const { gateway } = await startGateway({ log, services: "accounts", planner: true });
    await gateway.ready;
    await expect.poll(() => cluster.specOf("accounts.control")?.cleanup).toBe("compact");
    expect(refusal.asked.map((specs) => specs.map(({ name }) => name))).toEqual([["accounts.control"]]);
    expect((await planned(cluster, 3)).state.map?.lanes).toEqual([0, 1, 2]);
  });

  it("wants what the replicas file says, when it changes too", async () => {
    const dir = mkdtempSync(join(tmpdir(), "shardcast-planning-"));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    const replicasFile = join(dir, "replicas.json");
    writeFileSync(replicasFile, '{"accounts": 1}');
    const { gateway, cluster } = await startGateway({
      services: "accounts=4/2",
      planner: true,
      replicasFile,
    });
    await gateway.ready;
    await planned(cluster, 1);
    writeFileSync(replicasFile, '{"accounts": 2}');
    await planned(cluster, 2);
  });

  it("is left to others by a gateway that is told so", async () => {
    const cluster = new MemoryCluster();
    const log = createMemoryLog({ cluster });
    const opened: string[] = [];
    const [openReader, openSession] = [log.openReader, log.openSession];
    log.openReader = (options) => {
      opened.push(...options.topics);
      return openReader(options);
    };
    log.openSession = (options) => {
      opened.push(options.member);
      return openSession(options);
    };
    const { gateway } = await startGateway({ log, planner: false });
    await gateway.ready;
    await startGateway({ cluster, planner: true });
    await planned(cluster, 3);
    // Who is expected by broadcasts is read from the control topic by all.
    expect(opened.sort()).toEqual([
      ...["accounts.acks", "accounts.broadcast", "accounts.control"],
      ...["accounts.replies", "accounts.results"],
    ]);
  });

  it("is handed over first of all when a gateway closes, not after the requests it finishes", async () => {
    const { gateway, cluster } = await startGateway({ planner: true, shutdownGraceMs: 60_000 });
    await gateway.ready;
    const directory = await planned(cluster, 3);
    const first = directory.state.planner;
    await startGateway({ cluster, planner: true });
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const worker = await startWorker(cluster, "accounts", 3, () => released.then(() => ({})));
    const accepted = call(gateway, "/v1/accounts/keys/1");
    await worker.received(1);
    const closed = gateway.close();
    await until(directory, ({ planner }) => planner !== undefined && planner !== first);
    expect(gateway.pending).toBe(1);
    release();
    expect((await accepted).status).toBe(200);
    await closed;
  });

  it("does not keep a gateway from closing when the log is away", async () => {
    const { gateway, cluster } = await startGateway({ planner: true });
    await gateway.ready;
    await planned(cluster, 3);
    cluster.setAvailable(false);
    await gateway.close();
  });
});

describe("trouble with planning", () => {
  it("keeps no service from being served, is told once, and passes", async () => {
    const cluster = new MemoryCluster();
    topicsWithoutControl(cluster, "accounts");
    const log = createMemoryLog({ cluster });
    const refusal = refusing(log);
    const { logger, lines } = recordingLogger();
    const { gateway } = await startGateway({ log, logger, services: "accounts", planner: true });
    await gateway.ready;
    await startWorker(cluster, "accounts", 3, () => ({}));
    await expect.poll(() => refusal.asked.length, { timeout: 5_000 }).toBeGreaterThan(1);
    expect((await call(gateway, "/v1/accounts/keys/1")).status).toBe(200);
    expect((await call(gateway, "/readyz", { method: "GET" })).status).toBe(200);
    const warned = lines.filter(({ level, msg }) => level >= 40 && !String(msg).includes("broadcasts"));
    expect(warned).toMatchObject([{ service: "accounts", err: { code: "SHARDCAST_LOG_REFUSED" } }]);
    refusal.active = false;
    await expect.poll(() => cluster.specOf("accounts.control"), { timeout: 5_000 }).toBeDefined();
    await planned(cluster, 3);
  });

  it("does not hide that the topics of a service with lanes can not be created", async () => {
    const cluster = new MemoryCluster();
    topicsWithoutControl(cluster, "accounts");
    const log = createMemoryLog({ cluster });
    refusing(log);
    const { gateway } = await startGateway({ log, planner: true });
    await expect
      .poll(async () => JSON.parse((await call(gateway, "/readyz", { method: "GET" })).body.toString()).code)
      .toBe("SHARDCAST_LOG_REFUSED");
  });

  it("ends with the gateway", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const cluster = new MemoryCluster();
    topicsWithoutControl(cluster, "accounts");
    const log = createMemoryLog({ cluster });
    const refusal = refusing(log);
    const { gateway } = await startGateway({ log, services: "accounts", planner: true });
    await gateway.ready;
    await expect.poll(() => refusal.asked.length).toBe(1);
    // The next attempt.
    await expect.poll(() => vi.getTimerCount()).toBeGreaterThan(0);
    // Without waiting for it, nor for the time that closing may take.
    await gateway.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("leaves no planner behind that was just being started", async () => {
    const cluster = new MemoryCluster();
    const log = createMemoryLog({ cluster });
    const { openReader, openSession } = log;
    const [opening, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    log.openReader = async (options) => {
      if (options.topics.includes("accounts.control")) {
        opening.resolve();
        await go.promise;
      }
      return openReader(options);
    };
    const sessions: string[] = [];
    log.openSession = (options) => {
      sessions.push(options.member);
      return openSession(options);
    };
    // Another one closes it, so that a planner left behind could go on.
    log.close = async () => {};
    const { gateway } = await startGateway({ log, planner: true });
    await opening.promise;
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const closed = gateway.close();
    go.resolve();
    await closed;
    // What a candidate waits with.
    expect(vi.getTimerCount()).toBe(0);
    expect(sessions).toEqual([]);
  });

  it("leaves none behind where the gateway can not listen", async () => {
    const { gateway } = await startGateway({ planner: false });
    const cluster = new MemoryCluster();
    const log = createMemoryLog({ cluster });
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    await expect(startGateway({ log, planner: true, port: gateway.port })).rejects.toThrow(/EADDRINUSE/);
    expect(vi.getTimerCount()).toBe(0);
  });
});

/** Resolves when a map for so many replicas is on the log. */
async function planned(cluster: MemoryCluster, replicas: number): Promise<Directory> {
  const directory = await directoryOf(cluster);
  await until(directory, ({ map }) => map?.replicas === replicas);
  return directory;
}
