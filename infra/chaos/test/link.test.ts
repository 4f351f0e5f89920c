import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { Link } from "../src/link.ts";

/** A broker that gives back what it gets, a link to it, and a member that is connected. */
async function open() {
  const broker = createServer((socket) => {
    socket.on("error", () => {});
    socket.pipe(socket);
  }).listen(0, "127.0.0.1");
  await once(broker, "listening");
  const link = await Link.listen(0, (broker.address() as AddressInfo).port);
  onTestFinished(() => {
    link.close();
    broker.close();
  });
  return { link, member: await dial(link) };
}

async function dial(link: Link): Promise<Socket> {
  const member = connect(link.port, "127.0.0.1");
  onTestFinished(() => void member.destroy());
  await once(member, "connect");
  return member;
}

/** Sends, and resolves to what comes back, so many bytes. */
async function echo(member: Socket, text: string): Promise<string> {
  member.write(text);
  let got = "";
  while (got.length < text.length) got += String((await once(member, "data"))[0]);
  return got;
}

/** Broken or ended: which of them is told depends on when the link was cut. */
function closed(socket: Socket): Promise<unknown> {
  return new Promise((resolve) => socket.once("close", resolve));
}

test("a whole link passes everything in both directions", async () => {
  const { member } = await open();
  expect(await echo(member, "one")).toBe("one");
});

test("a held link passes nothing, keeps the connection, and passes all of it in order later", async () => {
  const { link, member } = await open();
  expect(await echo(member, "one")).toBe("one");
  link.set({ kind: "held" });
  let got = "";
  member.on("data", (chunk) => {
    got += chunk;
  });
  member.write("two");
  const other = await dial(link); // also what comes now is held
  other.write("three");
  // What is held can not be seen from outside; another link of the same process is quick to show that nothing came.
  const probe = await open();
  await echo(probe.member, "probe");
  expect(got).toBe("");
  link.set({ kind: "whole" });
  expect(String((await once(other, "data"))[0])).toBe("three");
  await expect.poll(() => got).toBe("two");
});

test("a cut link breaks what is connected and lets nobody in, until it is whole again", async () => {
  const { link, member } = await open();
  member.on("error", () => {});
  link.set({ kind: "cut" });
  await closed(member);
  const other = connect(link.port, "127.0.0.1");
  other.on("error", () => {});
  await closed(other);
  link.set({ kind: "whole" });
  expect(await echo(await dial(link), "again")).toBe("again");
});

test("a slow link keeps the order, also when it gets faster in the middle", async () => {
  const { link, member } = await open();
  link.set({ kind: "slow", delayMs: 60 });
  const begunMs = performance.now();
  member.write("slow");
  const received: string[] = [];
  member.on("data", (chunk) => received.push(String(chunk)));
  link.set({ kind: "whole" });
  member.write("quick");
  await expect.poll(() => received.join("")).toBe("slowquick");
  expect(performance.now() - begunMs).toBeLessThan(5_000);
});
