import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { countRequests, frameCounter } from "../src/processes/request-count.ts";

function frame(apiKey: number, bodyBytes: number): Buffer {
  const bytes = Buffer.alloc(6 + bodyBytes, 0xff);
  bytes.writeInt32BE(2 + bodyBytes, 0);
  bytes.writeInt16BE(apiKey, 4);
  return bytes;
}

test("each frame counts once, however the bytes are cut", () => {
  const bytes = Buffer.concat([frame(1, 30), frame(26, 0), frame(0, 1), frame(1, 7)]);
  for (let size = 1; size <= bytes.length; size++) {
    const seen: number[] = [];
    const count = frameCounter((apiKey) => seen.push(apiKey));
    for (let at = 0; at < bytes.length; at += size) count(bytes.subarray(at, at + size));
    expect(seen).toEqual([1, 26, 0, 1]);
  }
});

test("what a process sends is counted by API key, and arrives as it was", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const counts = countRequests();
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [[accepted]] = await Promise.all([once(server, "connection"), once(socket, "connect")]);
  const sent = Buffer.concat([frame(1, 4), frame(3, 4), frame(1, 9)]);
  socket.write(sent);
  socket.end();
  const received: Buffer[] = [];
  for await (const chunk of accepted) received.push(chunk);
  expect(Buffer.concat(received)).toEqual(sent);
  expect(counts).toEqual(
    new Map([
      [1, 2],
      [3, 1],
    ]),
  );
});
