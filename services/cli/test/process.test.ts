import { expect, test } from "vitest";
import { type CliProcess, spawnCli } from "./support/process.ts";
import { ACKED, FAILED, RETRYING, SERVICE, type Service, startService } from "./support/service.ts";

const TIMEOUT = { timeout: 60_000 };
const ACCEPTED = /accepted.*?([0-9a-f-]{36})/;

/** Starts a notify; resolves once it has said that the broadcast was accepted. */
async function notify({ gateway }: Service, ...args: string[]): Promise<{ cli: CliProcess; id: string }> {
  const cli = spawnCli(["notify", SERVICE, "--gateway", gateway.url, ...args]);
  const [, id = ""] = await cli.matched(ACCEPTED);
  return { cli, id };
}

test("a broadcast that all have acknowledged ends with 0", TIMEOUT, async () => {
  const service = await startService();
  const { cli, id } = await notify(service);
  for (const member of ["0", "1", "2"]) await service.say(id, member, ACKED);
  expect(await cli.ended).toBe(0);
  expect(cli.stdout()).toContain("satisfied (everything final was said): 3 of 3 members acknowledged\n");
  expect(cli.stderr()).toBe("");
});

test(
  "with --json, piped, each event is an object: one that some did not do ends with 3",
  TIMEOUT,
  async () => {
    const service = await startService(2);
    const { cli, id } = await notify(service, "--json");
    await service.say(id, "0", ACKED);
    await service.say(id, "1", RETRYING);
    await cli.matched(/"retrying"/);
    await service.say(id, "1", FAILED);
    expect(await cli.ended).toBe(3);
    const lines = cli.stdout().trimEnd().split("\n");
    const objects = lines.map((line) => JSON.parse(line));
    expect(objects.map(({ type, outcome }) => outcome?.state ?? type)).toEqual([
      "accepted",
      "acked",
      "retrying",
      "failed",
      "end",
    ]);
    expect(objects[1].outcome.reply.body).toBe("done");
    expect(objects.at(-1)).toMatchObject({ verdict: "partly", exitCode: 3, status: { id } });
  },
);

test(
  "one that nobody has done ends with 4; redriven, it is for those alone and ends with 0",
  TIMEOUT,
  async () => {
    const service = await startService(2);
    const { cli, id } = await notify(service);
    await service.say(id, "0", FAILED);
    await service.say(id, "1", FAILED);
    expect(await cli.ended).toBe(4);
    const again = spawnCli(["redrive", SERVICE, id, "--gateway", service.gateway.url, "--ack", "1"]);
    const [, second = ""] = await again.matched(ACCEPTED);
    await service.say(second, "1", ACKED);
    expect(await again.ended).toBe(0);
  },
);

test("one without a verdict when the wait is over ends with 5, and status finds it", TIMEOUT, async () => {
  const service = await startService();
  const { cli, id } = await notify(service, "--wait", "3s", "--handler", "reload");
  expect(await cli.ended).toBe(5);
  expect(cli.stderr()).toContain(`status ${SERVICE} ${id} --watch`);
  await service.say(id, "1", ACKED);

  const watch = spawnCli(["status", SERVICE, id, "--watch", "--gateway", service.gateway.url]);
  await watch.matched(/1 acked/);
  for (const member of ["0", "2"]) await service.say(id, member, ACKED);
  expect(await watch.ended).toBe(0);

  const list = spawnCli(["status", SERVICE, "--gateway", service.gateway.url, "--state", "ended"]);
  expect(await list.ended).toBe(0);
  expect(list.stdout()).toMatch(new RegExp(`^${id} +reload +all +satisfied +.* ago +3 acked`, "m"));
});

test(
  "sent again with the same Job's name it is the same broadcast, with its verdict (C5)",
  TIMEOUT,
  async () => {
    const service = await startService(1);
    const args = ["notify", SERVICE, "--gateway", service.gateway.url];
    const job = { SHARDCAST_JOB_NAME: "reload-29384738" };
    const first = spawnCli(args, job);
    const [, id = ""] = await first.matched(ACCEPTED);
    first.child.kill("SIGTERM");
    expect(await first.ended).toBe(143);
    await service.say(id, "0", ACKED);
    const second = spawnCli(args, job);
    expect(await second.ended).toBe(0);
    expect(second.stdout()).toContain(`was accepted before: ${SERVICE} ${id}`);
  },
);

test(
  "Ctrl-C ends it with 130, says how to look at the broadcast, and that goes on (C6)",
  TIMEOUT,
  async () => {
    const service = await startService();
    const { cli, id } = await notify(service);
    cli.child.kill("SIGINT");
    expect(await cli.ended).toBe(130);
    const again = `shardcast --gateway ${service.gateway.url}`;
    expect(cli.stderr()).toContain(`${again} status ${SERVICE} ${id} --watch\n`);
    expect(cli.stderr()).toContain(`${again} cancel ${SERVICE} ${id}\n`);
    const look = spawnCli(["status", SERVICE, id, "--json", "--gateway", service.gateway.url]);
    expect(await look.ended).toBe(0);
    expect(JSON.parse(look.stdout())).toMatchObject({ id, verdict: "open" });
  },
);

test("a cancelled broadcast ends for who waits for it", TIMEOUT, async () => {
  const service = await startService();
  const { cli, id } = await notify(service);
  const cancel = spawnCli(["cancel", SERVICE, id, "--gateway", service.gateway.url]);
  expect(await cancel.ended).toBe(0);
  expect(await cli.ended).toBe(4);
  expect(cli.stdout()).toContain("failed (cancelled): 0 of 3 members acknowledged, 3 cancelled\n");
});

test(
  "no gateway ends with 6, a service that it does not know with 7, bad usage with 2",
  TIMEOUT,
  async () => {
    const { gateway } = await startService();
    const gone = spawnCli(["notify", SERVICE, "--gateway", "http://127.0.0.1:9", "--wait", "300ms"]);
    expect(await gone.ended).toBe(6);
    const stranger = spawnCli(["notify", "nobodys", "--gateway", gateway.url]);
    expect(await stranger.ended).toBe(7);
    expect(stranger.stderr()).toContain("SHARDCAST_UNKNOWN_SERVICE");
    const usage = spawnCli(["notify", SERVICE, "--wait", "soon"]);
    expect(await usage.ended).toBe(2);
    for (const cli of [gone, stranger, usage]) expect(cli.stdout()).toBe("");
  },
);

test("who reads no further ends it, as a signal would, without a word", TIMEOUT, async () => {
  const service = await startService();
  const { cli, id } = await notify(service, "--json");
  cli.child.stdout.destroy();
  await service.say(id, "0", ACKED);
  expect(await cli.ended).toBe(141);
  expect(cli.stderr()).toBe("");
});

test("Ctrl-C ends it while it still waits for its standard input", TIMEOUT, async () => {
  const { gateway } = await startService();
  const cli = spawnCli(["notify", SERVICE, "--data", "@-", "--gateway", gateway.url]);
  // Node has begun to read when it has taken what a pipe holds.
  await new Promise<void>((resolve) => {
    cli.child.stdin.write(Buffer.alloc(1_000_000), () => resolve());
  });
  cli.child.kill("SIGINT");
  expect(await cli.ended).toBe(130);
});

test("completion knows commands and flags", TIMEOUT, async () => {
  const commands = spawnCli(["--get-yargs-completions", "shardcast", "st"]);
  expect(await commands.ended).toBe(0);
  expect(commands.stdout().split("\n")).toContain("status");
  const flags = spawnCli(["--get-yargs-completions", "shardcast", "notify", "--"]);
  expect(await flags.ended).toBe(0);
  expect(flags.stdout().split("\n")).toContain("--idempotency-key");
});
