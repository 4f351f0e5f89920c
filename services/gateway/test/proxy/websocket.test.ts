import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import type { Gateway } from "../../src/index.ts";
import { call } from "../support/http.ts";
import { type Owner, seenIn, startOwner } from "./support/owner.ts";
import { at, GET, startProxying } from "./support/stage.ts";

function connect(gateway: Gateway, path = at("/ws?x=1"), protocols: string[] = []): WebSocket {
  const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}${path}`, protocols);
  socket.on("error", () => {});
  return socket;
}

/** Sends back what it gets. */
function echo(owner: Owner): WebSocketServer {
  const sockets = new WebSocketServer({
    server: owner.server,
    perMessageDeflate: true,
    handleProtocols: (offered) => [...offered].at(-1) ?? false,
  });
  sockets.on("connection", (socket) => {
    socket.on("message", (data, binary) => socket.send(data, { binary }));
  });
  return sockets;
}

describe("a WebSocket", () => {
  it("goes to the owner, with its subprotocol, extensions, texts and bytes", async () => {
    const { gateway, members } = await startProxying();
    const owner = await startOwner();
    const sockets = echo(owner);
    await members.own("2", owner.url);
    const accepted = once(sockets, "connection");
    const socket = connect(gateway, at("/ws?x=1"), ["one", "two"]);
    await once(socket, "open");
    const [, request] = await accepted;
    expect([socket.protocol, request.url, request.headers["shardcast-member"]]).toEqual([
      "two",
      "/ws?x=1",
      "2",
    ]);
    for (const sent of [Buffer.from("a text"), Buffer.alloc(300_000, 7)]) {
      const came = once(socket, "message");
      socket.send(sent, { binary: sent.byteLength > 100 });
      const [data, binary] = await came;
      expect([sent.equals(data as Buffer), binary]).toEqual([true, sent.byteLength > 100]);
    }
    socket.close(4_001, "enough");
    expect((await once(socket, "close"))[0]).toBe(4_001);
  });

  it("that the owner refuses is refused, with the owner's words", async () => {
    const { gateway, members } = await startProxying();
    const owner = await startOwner();
    owner.server.on("upgrade", (_request, socket) =>
      socket.end("HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Bearer\r\ncontent-length: 4\r\n\r\nnope"),
    );
    await members.own("2", owner.url);
    const [, answer] = await once(connect(gateway), "unexpected-response");
    expect([answer.statusCode, answer.headers["www-authenticate"]]).toEqual([401, "Bearer"]);
  });

  it("waits for an owner, as every request does", async () => {
    const { gateway, members } = await startProxying({ proxyHoldMs: 60_000 });
    const owner = await startOwner();
    echo(owner);
    const socket = connect(gateway);
    await expect.poll(() => gateway.held).toBe(1);
    await members.own("2", owner.url);
    await once(socket, "open");
    socket.terminate();
  });

  it("is answered with a problem where there is none, and other upgrades are not followed", async () => {
    const { gateway, members } = await startProxying();
    const [, answer] = await once(connect(gateway, "/v1/accounts/nothing"), "unexpected-response");
    expect([answer.statusCode, answer.headers["content-type"]]).toEqual([404, "application/problem+json"]);
    const owner = await startOwner();
    await members.own("2", owner.url);
    const headers = { connection: "Upgrade, HTTP2-Settings", upgrade: "h2c", "http2-settings": "AAM" };
    const seen = seenIn(await call(gateway, at("/x"), { ...GET, headers }));
    expect([seen.headers.upgrade, seen.headers["http2-settings"]]).toEqual([undefined, undefined]);
  });

  it("ends for both when one of them is gone", async () => {
    const { gateway, members } = await startProxying();
    const owner = await startOwner();
    const sockets = echo(owner);
    await members.own("2", owner.url);
    const accepted = once(sockets, "connection");
    const socket = connect(gateway);
    await once(socket, "open");
    const [other] = await accepted;
    const closed = once(other, "close");
    socket.terminate();
    await closed;
  });

  it("is told 1001 at both ends when the gateway closes, between frames", async () => {
    const { gateway, members } = await startProxying({ shutdownGraceMs: 5_000 });
    const owner = await startOwner();
    const sockets = echo(owner);
    await members.own("2", owner.url);
    const accepted = once(sockets, "connection");
    const socket = connect(gateway);
    await once(socket, "open");
    const [other] = await accepted;
    const came = once(socket, "message");
    socket.send("hello");
    await came;
    const ends = [once(socket, "close"), once(other, "close")];
    const closed = gateway.close();
    for (const end of ends) expect((await end)[0]).toBe(1001);
    await closed;
  });
});
