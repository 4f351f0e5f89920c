import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { describe, expect, it } from "vitest";
import type { Gateway } from "../../src/index.ts";
import { call, problemOf, rawConnection } from "../support/http.ts";
import { startOwner } from "./support/owner.ts";
import { at, GET, startProxying } from "./support/stage.ts";

const MB = 1_000_000;

function open(gateway: Gateway, path: string, method = "POST", headers = {}) {
  const outgoing = request({ host: "127.0.0.1", port: gateway.port, path, method, headers, agent: false });
  outgoing.on("error", () => {});
  return outgoing;
}

describe("bodies", () => {
  it("go through while they come, both ways", async () => {
    const { gateway, members } = await startProxying();
    const owner = await startOwner("mirror", (incoming, response) => {
      response.writeHead(200, { "content-type": "text/plain" });
      response.flushHeaders();
      incoming.pipe(response);
    });
    await members.own("2", owner.url);
    const outgoing = open(gateway, at("/mirror"));
    outgoing.write("first ");
    const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
    expect(String((await once(incoming, "data"))[0])).toBe("first ");
    const ended = once(incoming, "end");
    outgoing.end("second");
    expect(String((await once(incoming, "data"))[0])).toBe("second");
    await ended;
  });

  it("are larger than what may be held, since nothing is", async () => {
    const { gateway, members } = await startProxying({ bodyLimitBytes: 1_000 });
    let received = 0;
    const owner = await startOwner("sink", (incoming, response) => {
      incoming.on("data", (chunk: Buffer) => {
        received += chunk.byteLength;
      });
      incoming.on("end", () => response.end(Buffer.alloc(3 * MB, "y")));
    });
    await members.own("2", owner.url);
    const { status, body } = await call(gateway, at("/x"), { body: Buffer.alloc(2 * MB, "x") });
    expect([status, received, body.byteLength]).toEqual([200, 2 * MB, 3 * MB]);
  });

  it("are taken from the owner no faster than the caller takes them (C7)", async () => {
    const { gateway, members } = await startProxying();
    let written = 0;
    let stalled = () => {};
    const stall = new Promise<void>((resolve) => {
      stalled = resolve;
    });
    const chunk = Buffer.alloc(MB);
    const owner = await startOwner("source", (_incoming, response) => {
      const more = () => {
        while (written < 200 * MB) {
          written += MB;
          if (!response.write(chunk)) {
            // What no socket's buffer takes stays here for good.
            const timer = setTimeout(stalled, 300);
            response.once("drain", () => {
              clearTimeout(timer);
              more();
            });
            return;
          }
        }
        response.end();
      };
      more();
    });
    await members.own("2", owner.url);
    const { socket } = await rawConnection(gateway);
    socket.pause();
    socket.write(`GET ${at("/big")} HTTP/1.1\r\nhost: x\r\n\r\n`);
    await stall;
    expect(written).toBeLessThan(50 * MB);
  });

  it("are taken from the caller no faster than the owner takes them (C7)", async () => {
    const { gateway, members } = await startProxying();
    const owner = await startOwner("slow", (incoming) => incoming.pause());
    await members.own("2", owner.url);
    const outgoing = open(gateway, at("/big"));
    let sent = 0;
    const chunk = Buffer.alloc(MB);
    await new Promise<void>((resolve) => {
      const more = () => {
        while (sent < 200 * MB) {
          sent += MB;
          if (!outgoing.write(chunk)) {
            const timer = setTimeout(resolve, 300);
            outgoing.once("drain", () => {
              clearTimeout(timer);
              more();
            });
            return;
          }
        }
        resolve();
      };
      more();
    });
    expect(sent).toBeLessThan(50 * MB);
    outgoing.destroy();
  });

  it("that the owner refuses before they have come do not cost the caller the answer", async () => {
    const { gateway, members } = await startProxying();
    const owner = await startOwner("strict", (incoming, response) => {
      response.writeHead(413, { connection: "close" }).end("too large", () => incoming.destroy());
    });
    await members.own("2", owner.url);
    const outgoing = open(gateway, at("/big"));
    outgoing.write(Buffer.alloc(100_000));
    const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
    expect([incoming.statusCode, incoming.headers.connection]).toEqual([413, "close"]);
    outgoing.destroy();
  });

  it("that are cut off by the owner do not cost the caller the reason (502)", async () => {
    const { gateway, members } = await startProxying();
    const owner = await startOwner("broken", (incoming) => {
      incoming.once("data", () => incoming.socket.destroy());
    });
    await members.own("2", owner.url);
    const outgoing = open(gateway, at("/big"));
    outgoing.write(Buffer.alloc(100_000));
    const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
    expect([incoming.statusCode, incoming.headers["content-type"]]).toEqual([
      502,
      "application/problem+json",
    ]);
    outgoing.destroy();
  });

  it("of answers bring their trailers", async () => {
    const { gateway, members } = await startProxying();
    const owner = await startOwner("t", (_incoming, response) => {
      response.writeHead(200, { trailer: "x-sum" });
      response.write("body");
      response.addTrailers({ "x-sum": "4" });
      response.end();
    });
    await members.own("2", owner.url);
    const outgoing = open(gateway, at("/x"), "GET").end();
    const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
    incoming.resume();
    await once(incoming, "end");
    expect([incoming.headers.trailer, incoming.trailers]).toEqual(["x-sum", { "x-sum": "4" }]);
  });

  it("nobody waits for are not fetched: who leaves takes the owner's request with him", async () => {
    const { gateway, members } = await startProxying();
    let gone = () => {};
    const left = new Promise<void>((resolve) => {
      gone = resolve;
    });
    const owner = await startOwner("slow", (_incoming, response) => {
      response.on("close", gone);
    });
    await members.own("2", owner.url);
    const outgoing = open(gateway, at("/x"), "GET").end();
    await expect.poll(() => owner.requests.length).toBe(1);
    outgoing.destroy();
    await left;
  });

  it("count as requests in flight while they go through (C7)", async () => {
    const { gateway, members } = await startProxying({ maxInFlight: 1 });
    const owner = await startOwner("slow", () => {});
    await members.own("2", owner.url);
    const first = open(gateway, at("/x"), "GET").end();
    await expect.poll(() => owner.requests.length).toBe(1);
    expect(problemOf(await call(gateway, at("/x"), GET)).code).toBe("SHARDCAST_OVERLOADED");
    first.destroy();
  });
});

describe("a gateway that closes", () => {
  it("lets answers that are under way go on to their end, and takes nothing new", async () => {
    const { gateway, members } = await startProxying({ shutdownGraceMs: 10_000 });
    let finish = () => {};
    const owner = await startOwner("slow", (_incoming, response) => {
      response.write("begun ");
      finish = () => response.end("done");
    });
    await members.own("2", owner.url);
    const outgoing = open(gateway, at("/x"), "GET").end();
    const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
    const closed = gateway.close();
    finish();
    let text = "";
    for await (const chunk of incoming) text += chunk;
    expect(text).toBe("begun done");
    await closed;
  });
});
