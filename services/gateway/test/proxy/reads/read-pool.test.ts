import { createCipheriv, createHash } from "node:crypto";
import { once } from "node:events";
import { networkInterfaces } from "node:os";
import { type Dispatcher, errors, request } from "undici";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { ReadPool, type ReadPoolOptions } from "../../../src/proxy/reads/read-pool.ts";
import { Recorder } from "./support/recorder.ts";
import { type Asked, closed, sized, startUpstream } from "./support/upstream.ts";

const MB = 1_000_000;
const CHUNKED = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
const EVIL = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";

function startPool(url: string, options: Partial<ReadPoolOptions> = {}) {
  const onEmpty = vi.fn();
  const pool = new ReadPool(url, {
    connections: 1,
    headersTimeout: 5_000,
    bodyTimeout: 5_000,
    connect: { timeout: 5_000 },
    onEmpty,
    ...options,
  });
  onTestFinished(() => pool.destroy());
  const get = (path: string, recorder = new Recorder(), more: Partial<Dispatcher.DispatchOptions> = {}) => {
    pool.dispatch({ path, method: "GET", headers: [], ...more }, recorder);
    return recorder;
  };
  return { pool, get, onEmpty };
}

/** An upstream that answers with the path, and with fields. */
const startEcho = (fields: (asked: Asked) => string = () => "") =>
  startUpstream((asked) => void asked.socket.write(sized(asked.path, fields(asked))));

const on = (asked: readonly Asked[]) => asked.map(({ path, connection }) => [path, connection]);

describe("a request", () => {
  it("is sent as undici sends it: as it was given, with the host", async () => {
    const upstream = await startEcho();
    const { get } = startPool(upstream.url);
    const headers = ["X-A", "b\xe9", "accept", "*/*", "x-a", "\t"];
    await get("/a//b%20c?d=\xe9", new Recorder(), { method: "HEAD", headers }).bytes(0);
    await upstream.requests(1);
    const host = `127.0.0.1:${upstream.port}`;
    expect(upstream.asked[0]?.text).toBe(
      `HEAD /a//b%20c?d=\xe9 HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\nX-A: b\xe9\r\naccept: */*\r\nx-a: \t\r\n\r\n`,
    );
  });

  it("is told its start, head, body and end, in this order", async () => {
    const upstream = await startEcho();
    const { get } = startPool(upstream.url);
    const { order, status, body, controller } = await get("/x").ended;
    expect([order, status, body]).toEqual([["start", "head", "data", "end"], 200, "/x"]);
    expect([controller?.aborted, controller?.reason, controller?.paused]).toEqual([false, null, false]);
  });

  it.each([
    ["a path with CR LF", "/x\r\nhost: evil", []],
    ["a path with a blank", "/x HTTP/1.1", []],
    ["a path that is none", "x", []],
    ["an empty path", "", []],
    ["a path with NUL", "/\0", []],
    ["a path of more than bytes", "/\u0141", []],
    ["a value with CR LF", "/", ["x", "a\r\nhost: evil"]],
    ["a value with LF", "/", ["x", "a\nb"]],
    ["a value with CR", "/", ["x", "a\rb"]],
    ["a value with NUL", "/", ["x", "a\0b"]],
    ["a value of more than bytes, whose low byte is LF", "/", ["x", "a\u010ab"]],
    ["a name with a colon", "/", ["x:", "a"]],
    ["a name with CR LF", "/", ["x\r\ny", "a"]],
    ["a name with a blank", "/", ["x ", "a"]],
    ["an empty name", "/", ["", "a"]],
    ["a second name that is none", "/", ["x", "a", "y z", "b"]],
  ])("with %s is refused, and nothing is sent", async (_, path, headers) => {
    const upstream = await startEcho();
    const { get } = startPool(upstream.url);
    // Again, since what was refused must not be remembered as looked at.
    for (let i = 0; i < 2; i++) {
      const { order, error, errorController } = await get(path, new Recorder(), { headers }).ended;
      expect([order, error?.code, errorController]).toEqual([["error"], "UND_ERR_INVALID_ARG", undefined]);
    }
    await get("/good").ended;
    expect(on(upstream.asked)).toEqual([["/good", 0]]);
  });

  it("whose handler throws is cut, and told so", async () => {
    const upstream = await startUpstream(({ socket, path }) => {
      if (path === "/until-close") socket.end("HTTP/1.1 200 OK\r\n\r\nbody");
      else socket.write(sized("body"));
    });
    const { get } = startPool(upstream.url);
    for (const path of ["/sized", "/until-close"])
      for (const method of [
        "onRequestStart",
        "onResponseStart",
        "onResponseData",
        "onResponseEnd",
      ] as const) {
        const recorder = new Recorder();
        recorder[method] = () => {
          throw new Error(method);
        };
        expect((await get(path, recorder).ended).error?.message).toBe(method);
      }
    expect((await get("/sized").ended).body).toBe("body");
  });
});

describe("a connection", () => {
  it("is used again", async () => {
    const upstream = await startEcho();
    const { get } = startPool(upstream.url, { connections: 10 });
    for (const path of ["/1", "/2", "/3"]) expect((await get(path).ended).body).toBe(path);
    expect(on(upstream.asked)).toEqual([
      ["/1", 0],
      ["/2", 0],
      ["/3", 0],
    ]);
  });

  it.each([
    [0, 1],
    [1, 0],
  ])("that was used last is used first (of two, the answer on %i before that on %i)", async (first, last) => {
    const upstream = await startUpstream(({ path, socket }) => {
      if (path === "/next") socket.write(sized(path));
    });
    const { get } = startPool(upstream.url, { connections: 2 });
    const both = [get("/a"), get("/b")];
    await upstream.requests(2);
    for (const each of [first, last]) {
      const { socket, path } = upstream.asked.find(({ connection }) => connection === each) as Asked;
      socket.write(sized(path));
      await both[path === "/a" ? 0 : 1]?.ended;
    }
    await get("/next").ended;
    await get("/next").ended;
    expect(on(upstream.asked.slice(2))).toEqual([
      ["/next", last],
      ["/next", last],
    ]);
  });

  it("is made for who waits, up to as many as there may be; who waits longer is served first", async () => {
    const upstream = await startUpstream();
    const { get } = startPool(upstream.url, { connections: 2 });
    const paths = ["/0", "/1", "/2", "/3", "/4", "/5"];
    const started: string[] = [];
    const recorders = new Map(
      paths.map((path) => {
        const recorder = new Recorder();
        const told = recorder.onRequestStart.bind(recorder);
        recorder.onRequestStart = (controller) => {
          started.push(path);
          told(controller);
        };
        return [path, get(path, recorder)];
      }),
    );
    for (const i of paths.keys()) {
      await upstream.requests(Math.min(i + 2, paths.length));
      expect(started.length).toBe(Math.min(i + 2, paths.length));
      const { socket, path } = upstream.asked[i] as Asked;
      socket.write(sized(path));
      expect((await recorders.get(path)?.ended)?.body).toBe(path);
    }
    expect(started).toEqual(paths);
    expect(upstream.connections.length).toBe(2);
  });

  it.each([0, 1, 2])(
    "that the owner keeps for %i s is not used near its end, which is now",
    async (seconds) => {
      const upstream = await startEcho(() => `keep-alive: timeout=${seconds}\r\n`);
      const { get } = startPool(upstream.url);
      expect((await get("/1").ended).body).toBe("/1");
      await closed(upstream.connections[0]);
      expect((await get("/2").ended).body).toBe("/2");
      expect(on(upstream.asked)).toEqual([
        ["/1", 0],
        ["/2", 1],
      ]);
    },
  );

  it.each([
    ["keep-alive: timeout=5\r\n", 3_000],
    ["Keep-Alive: max=100, Timeout=60\r\n", 58_000],
    ["keep-alive: max=7\r\n", 4_000],
    ["", 4_000],
  ])("that the owner keeps (%j) is used for %i ms", async (fields, ms) => {
    const upstream = await startEcho(() => fields);
    const { get } = startPool(upstream.url);
    vi.useFakeTimers({ toFake: ["performance"] });
    onTestFinished(() => void vi.useRealTimers());
    await get("/1").ended;
    vi.advanceTimersByTime(ms - 1);
    await get("/2").ended;
    vi.advanceTimersByTime(ms);
    await get("/3").ended;
    expect(on(upstream.asked)).toEqual([
      ["/1", 0],
      ["/2", 0],
      ["/3", 1],
    ]);
    await closed(upstream.connections[0]);
  });

  it.each([
    ["Connection: close", "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi"],
    ["close among others", "HTTP/1.1 200 OK\r\nconnection: x, Close\r\ncontent-length: 2\r\n\r\nhi"],
    [
      "close in the second field",
      "HTTP/1.1 200 OK\r\nconnection: keep-alive\r\nConnection: close\r\ncontent-length: 2\r\n\r\nhi",
    ],
    ["HTTP/1.0", "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi"],
    ["a 204 that says a length", "HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\n"],
    ["a 204 that says chunks", "HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n"],
  ])("is not used again after %s", async (_, answer) => {
    const upstream = await startUpstream(({ socket }) => void socket.write(answer));
    const { get } = startPool(upstream.url);
    for (const path of ["/1", "/2"]) expect((await get(path).ended).order.at(-1)).toBe("end");
    expect(on(upstream.asked)).toEqual([
      ["/1", 0],
      ["/2", 1],
    ]);
    await closed(upstream.connections[0]);
  });

  it.each([
    [
      "HTTP/1.0 that says that it keeps it",
      "HTTP/1.0 200 OK\r\nconnection: Keep-Alive\r\ncontent-length: 0\r\n\r\n",
    ],
    [
      "a Connection that names something else",
      "HTTP/1.1 200 OK\r\nconnection: x\r\ncontent-length: 0\r\n\r\n",
    ],
    ["a 304 that says a length", "HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n"],
    ["no chunk at all", `${CHUNKED}0\r\n\r\n`],
  ])("is used again after %s", async (_, answer) => {
    const upstream = await startUpstream(({ socket }) => void socket.write(answer));
    const { get } = startPool(upstream.url);
    await get("/1").ended;
    await get("/2").ended;
    expect(upstream.connections.length).toBe(1);
  });

  it("that the owner closes while nobody uses it costs nobody an answer", async () => {
    const upstream = await startEcho();
    const { get, onEmpty } = startPool(upstream.url, { connections: 2 });
    await Promise.all([get("/1").ended, get("/2").ended]);
    for (const socket of upstream.connections) socket.end();
    await Promise.all(upstream.connections.map(closed));
    await expect.poll(() => onEmpty.mock.calls.length).toBe(1);
    expect((await get("/3").ended).body).toBe("/3");
    expect(upstream.connections.length).toBe(3);
  });

  it.each([
    ["before any answer", "", "UND_ERR_SOCKET"],
    ["in the middle of a head", "HTTP/1.1 200 OK\r\ncontent-le", "UND_ERR_SOCKET"],
    ["in the middle of a body", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell", undefined],
    ["in the middle of a chunk", `${CHUNKED}5\r\nhell`, undefined],
    ["before the last chunk", `${CHUNKED}5\r\nhello\r\n`, undefined],
    ["in the trailers", `${CHUNKED}0\r\nx: y\r\n`, undefined],
  ])("that the owner closes %s tells who waits, and the next one gets another", async (_, bytes, code) => {
    const upstream = await startUpstream(({ path, socket }) => {
      if (path === "/1") socket.end(bytes);
      else socket.write(sized(path));
    });
    const { get } = startPool(upstream.url);
    const { order, error, controller, errorController } = await get("/1").ended;
    expect([order.at(-1), error?.code]).toEqual(["error", code]);
    expect(error).toBeInstanceOf(code === undefined ? errors.HTTPParserError : errors.SocketError);
    // It may have been seen.
    expect(errorController).toBe(controller);
    expect((await get("/2").ended).body).toBe("/2");
  });

  it("that is reset tells who waits", async () => {
    const upstream = await startUpstream(({ socket }) => void socket.resetAndDestroy());
    const { get } = startPool(upstream.url);
    const { order, error } = await get("/1").ended;
    expect([order, error?.code]).toEqual([["start", "error"], "ECONNRESET"]);
  });

  it("on which comes what is no answer is closed, and nobody else is told it", async () => {
    const upstream = await startUpstream(({ path, socket }) => {
      socket.write(path === "/1" ? `SSH-2.0-x\r\n\r\n${EVIL}` : sized(path));
    });
    const { get } = startPool(upstream.url);
    expect((await get("/1").ended).error).toBeInstanceOf(errors.HTTPParserError);
    expect((await get("/2").ended).body).toBe("/2");
    await closed(upstream.connections[0]);
  });
});

describe("bytes that nobody asked for", () => {
  it.each(["x", "\r\n", EVIL])("close the idle connection they come on: %j", async (bytes) => {
    const upstream = await startEcho();
    const { get } = startPool(upstream.url);
    await get("/1").ended;
    upstream.connections[0]?.write(bytes);
    await closed(upstream.connections[0]);
    expect((await get("/2").ended).body).toBe("/2");
    expect(upstream.asked[1]?.connection).toBe(1);
  });

  it.each([
    ["a length", "GET", sized("mine"), "mine"],
    ["chunks", "GET", `${CHUNKED}4\r\nmine\r\n0\r\n\r\n`, "mine"],
    ["chunks and trailers", "GET", `${CHUNKED}4\r\nmine\r\n0\r\nx: y\r\n\r\n`, "mine"],
    ["204", "GET", "HTTP/1.1 204 No Content\r\n\r\n", ""],
    ["304", "GET", "HTTP/1.1 304 Not Modified\r\ncontent-length: 4\r\n\r\n", ""],
    ["HEAD", "HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n", ""],
    ["no body", "GET", sized(""), ""],
  ] as const)("are nobody's answer in one packet behind a whole one: %s", async (_, method, answer, body) => {
    for (const more of [EVIL, "\r\n", "x"]) {
      const upstream = await startUpstream(({ path, socket }) => {
        socket.write(path === "/1" ? answer + more : sized(path));
      });
      const { get } = startPool(upstream.url);
      const [first, second] = [get("/1", new Recorder(), { method }), get("/2")];
      await Promise.all([first.ended, second.ended]);
      expect([first.error, first.order.at(-1), first.body]).toEqual([undefined, "end", body]);
      expect([second.body, upstream.asked[1]?.connection]).toEqual(["/2", 1]);
      await closed(upstream.connections[0]);
    }
  });

  it("are not the answer to who asks after they have come, but before they were read", async () => {
    const upstream = await startEcho();
    const { get } = startPool(upstream.url);
    await get("/1").ended;
    // In a timer: what is there is read next, and only then what was set to be done at once.
    await new Promise((resolve) => setTimeout(resolve, 1));
    upstream.connections[0]?.write(EVIL);
    expect((await get("/2").ended).body).toBe("/2");
    expect(on(upstream.asked)).toEqual([
      ["/1", 0],
      ["/2", 1],
    ]);
  });
});

describe("a request that is aborted", () => {
  it("in the middle of its body closes the connection", async () => {
    const upstream = await startUpstream(({ path, socket }) => {
      socket.write(path === "/1" ? "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf" : sized(path));
    });
    const { get } = startPool(upstream.url);
    const recorder = get("/1");
    await recorder.bytes(4);
    const reason = new Error("enough");
    recorder.controller?.abort(reason);
    expect([recorder.error, recorder.errorController]).toEqual([reason, recorder.controller]);
    expect([recorder.controller?.aborted, recorder.controller?.reason]).toEqual([true, reason]);
    await closed(upstream.connections[0]);
    expect((await get("/2").ended).body).toBe("/2");
    recorder.controller?.abort(new Error("again"));
    expect([recorder.order, recorder.controller?.reason]).toEqual([
      ["start", "head", "data", "error"],
      reason,
    ]);
  });

  it.each(["onResponseStart", "onResponseData"] as const)(
    "in %s is told nothing more than that",
    async (method) => {
      const upstream = await startUpstream(
        ({ socket }) => void socket.write(`${CHUNKED}1\r\na\r\n1\r\nb\r\n0\r\n\r\n`),
      );
      const { get } = startPool(upstream.url);
      const recorder = new Recorder();
      const told = recorder[method].bind(recorder);
      recorder[method] = (controller: Dispatcher.DispatchController, ...more: unknown[]) => {
        (told as (...all: unknown[]) => void)(controller, ...more);
        controller.abort(new Error("enough"));
      };
      await get("/1", recorder).ended;
      // At once, and not on that connection, though its answer had come in full.
      expect((await get("/2").ended).order.at(-1)).toBe("end");
      await closed(upstream.connections[0]);
      expect(recorder.order).toEqual([
        "start",
        "head",
        ...(method === "onResponseData" ? ["data"] : []),
        "error",
      ]);
    },
  );

  it("before its head has come closes the connection", async () => {
    const upstream = await startUpstream();
    const { get } = startPool(upstream.url);
    const recorder = get("/1");
    await upstream.requests(1);
    recorder.controller?.abort(new Error("enough"));
    expect(recorder.order).toEqual(["start", "error"]);
    await closed(upstream.connections[0]);
  });

  it("after its end is told nothing, and its connection is not cut", async () => {
    const upstream = await startUpstream(({ path, socket }) => {
      if (path !== "/2") socket.write(sized(path));
    });
    const { get } = startPool(upstream.url);
    const first = await get("/1").ended;
    const second = get("/2");
    await upstream.requests(2);
    first.controller?.abort(new Error("too late"));
    first.controller?.pause();
    upstream.connections[0]?.write(sized("/2"));
    expect((await second.ended).body).toBe("/2");
    expect(first.order).toEqual(["start", "head", "data", "end"]);
    first.controller?.resume();
    expect((await get("/3").ended).body).toBe("/3");
    expect(upstream.connections.length).toBe(1);
  });

  it("in onResponseEnd is whole all the same", async () => {
    const upstream = await startUpstream(({ path, socket }) => {
      if (path === "/until-close") socket.end("HTTP/1.1 200 OK\r\n\r\nbody");
      else socket.write(sized("body"));
    });
    const { get, onEmpty } = startPool(upstream.url);
    for (const path of ["/sized", "/until-close"]) {
      const recorder = new Recorder();
      const told = recorder.onResponseEnd.bind(recorder);
      recorder.onResponseEnd = (controller, trailers) => {
        told(controller, trailers);
        controller.abort(new Error("too late"));
      };
      await get(path, recorder).ended;
      expect(recorder.order).toEqual(["start", "head", "data", "end"]);
    }
    await expect.poll(() => onEmpty.mock.calls.length).toBe(1);
  });

  it("while it waits for a connection is not sent, and the connection is the next one's", async () => {
    const upstream = await startUpstream();
    const { pool, get } = startPool(upstream.url);
    const first = get("/1");
    const abort = new AbortController();
    const second = request(`${upstream.url}/2`, { dispatcher: pool, headers: [], signal: abort.signal });
    const third = get("/3");
    await upstream.requests(1);
    abort.abort();
    const refused = expect(second).rejects.toMatchObject({ name: "AbortError" });
    upstream.asked[0]?.socket.write(sized("first"));
    expect((await first.ended).body).toBe("first");
    await refused;
    await upstream.requests(2);
    upstream.asked[1]?.socket.write(sized("third"));
    expect((await third.ended).body).toBe("third");
    expect(on(upstream.asked)).toEqual([
      ["/1", 0],
      ["/3", 0],
    ]);
  });
});

describe("a handler that is paused", () => {
  /** Writes until the other side takes no more, or all is written. */
  function pour(asked: Asked, chunk: Buffer, times: number) {
    let written = 0;
    const stalled = Promise.withResolvers<void>();
    const more = () => {
      while (written < times) {
        written++;
        if (!asked.socket.write(chunk)) {
          // What no socket's buffer takes stays here for good.
          const timer = setTimeout(stalled.resolve, 300);
          asked.socket.once("drain", () => {
            clearTimeout(timer);
            more();
          });
          return;
        }
      }
    };
    more();
    return { written: () => written, stalled: stalled.promise };
  }

  it.each(["head", "data"])(
    "from its %s on is sent no more than sockets hold; the rest comes later (C7)",
    async (from) => {
      const times = 64;
      const chunk = Buffer.alloc(MB, "x");
      let poured: ReturnType<typeof pour> | undefined;
      const upstream = await startUpstream((asked) => {
        asked.socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${times * MB}\r\n\r\n`);
        poured = pour(asked, chunk, times);
      });
      const { get } = startPool(upstream.url);
      const recorder = new Recorder();
      const method = from === "head" ? "onResponseStart" : "onResponseData";
      const told = recorder[method].bind(recorder) as (...all: unknown[]) => void;
      recorder[method] = (controller: Dispatcher.DispatchController, ...more: unknown[]) => {
        told(controller, ...more);
        if (recorder.received < 100_000) controller.pause();
      };
      await get("/", recorder).begun;
      await poured?.stalled;
      expect(poured?.written()).toBeLessThan(times / 2);
      // What was read already, at most.
      expect(recorder.received).toBeLessThanOrEqual(65_536);
      expect(recorder.controller?.paused).toBe(true);
      while (recorder.received < 100_000 && from === "data") {
        recorder.controller?.resume();
        await recorder.bytes(recorder.received + 1);
      }
      recorder.controller?.resume();
      await recorder.ended;
      expect([recorder.error, recorder.received, poured?.written()]).toEqual([undefined, times * MB, times]);
    },
  );

  it("before its head has come gets no more than what comes with that", async () => {
    const upstream = await startUpstream(({ socket }) => void socket.write(sized("x".repeat(10 * MB))));
    const { get } = startPool(upstream.url);
    const recorder = new Recorder();
    const told = recorder.onRequestStart.bind(recorder);
    recorder.onRequestStart = (controller) => {
      told(controller);
      controller.pause();
    };
    await get("/", recorder).begun;
    // Many turns in which it could be read.
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(recorder.received).toBeLessThanOrEqual(65_536);
    recorder.controller?.resume();
    expect((await recorder.ended).received).toBe(10 * MB);
  });

  it("is given time without end, and again what it had when it goes on", async () => {
    const upstream = await startUpstream(({ socket }) => {
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf");
    });
    const { get } = startPool(upstream.url, { bodyTimeout: 100 });
    const recorder = get("/");
    await recorder.bytes(4);
    recorder.controller?.pause();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(recorder.order.at(-1)).toBe("data");
    recorder.controller?.resume();
    expect((await recorder.ended).error?.code).toBe("UND_ERR_BODY_TIMEOUT");
  });

  it("at the end of its answer does not keep the next one from its own", async () => {
    const upstream = await startEcho();
    const { get } = startPool(upstream.url);
    const recorder = new Recorder();
    const told = recorder.onResponseData.bind(recorder);
    recorder.onResponseData = (controller, chunk) => {
      told(controller, chunk);
      controller.pause();
    };
    await get("/1", recorder).ended;
    expect((await get("/2").ended).body).toBe("/2");
    expect(upstream.connections.length).toBe(1);
  });
});

describe("time that is up", () => {
  it("before the head is undici's error, and closes the connection", async () => {
    const upstream = await startUpstream();
    const { get } = startPool(upstream.url, { headersTimeout: 50 });
    const { order, error, controller, errorController } = await get("/").ended;
    expect([order, error?.code]).toEqual([["start", "error"], "UND_ERR_HEADERS_TIMEOUT"]);
    expect(errorController).toBe(controller);
    await closed(upstream.connections[0]);
  });

  it("in the body is undici's error, and closes the connection", async () => {
    const upstream = await startUpstream(({ socket }) => void socket.write(`${CHUNKED}4\r\nhalf\r\n`));
    const { get } = startPool(upstream.url, { bodyTimeout: 50 });
    const { order, error } = await get("/").ended;
    expect([order, error?.code]).toEqual([["start", "head", "data", "error"], "UND_ERR_BODY_TIMEOUT"]);
    await closed(upstream.connections[0]);
  });

  it("is said by the request, if it says it", async () => {
    const upstream = await startUpstream(({ path, socket }) => {
      if (path === "/body") socket.write("HTTP/1.1 200 OK\r\n\r\n");
    });
    const { get } = startPool(upstream.url, { connections: 2 });
    const head = get("/head", new Recorder(), { headersTimeout: 50 });
    const body = get("/body", new Recorder(), { bodyTimeout: 50 });
    expect([(await head.ended).error?.code, (await body.ended).error?.code]).toEqual([
      "UND_ERR_HEADERS_TIMEOUT",
      "UND_ERR_BODY_TIMEOUT",
    ]);
  });

  it("is not for a body that goes on, however long", async () => {
    const upstream = await startUpstream(({ socket }) => {
      let left = 10;
      socket.write(CHUNKED);
      const timer = setInterval(() => {
        socket.write(left-- > 0 ? "1\r\nx\r\n" : "0\r\n\r\n");
        if (left < 0) clearInterval(timer);
      }, 50);
    });
    const { get } = startPool(upstream.url, { headersTimeout: 300, bodyTimeout: 300 });
    const { error, body } = await get("/").ended;
    expect([error, body]).toEqual([undefined, "x".repeat(10)]);
  });

  it("is for an owner who says all the time that he is at it", async () => {
    const upstream = await startUpstream(({ socket }) => {
      const timer = setInterval(() => socket.write("HTTP/1.1 102 Processing\r\n\r\n"), 20);
      socket.on("close", () => clearInterval(timer));
    });
    const { get } = startPool(upstream.url, { headersTimeout: 200 });
    expect((await get("/").ended).error?.code).toBe("UND_ERR_HEADERS_TIMEOUT");
  });

  it("is none where it is 0", async () => {
    const upstream = await startUpstream(({ path, socket }) => {
      setTimeout(() => socket.write("HTTP/1.1 200 OK\r\n\r\n"), 200);
      setTimeout(() => socket.end(path), 400);
    });
    const { get } = startPool(upstream.url, { headersTimeout: 50, bodyTimeout: 50 });
    const { error, body } = await get("/x", new Recorder(), { headersTimeout: 0, bodyTimeout: 0 }).ended;
    expect([error, body]).toEqual([undefined, "/x"]);
  });

  it("is none for a connection that nobody uses", async () => {
    const upstream = await startUpstream(({ path, socket }) => {
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n");
      // In a packet of its own, so that time for the body has begun.
      setTimeout(() => socket.write(path), 20);
    });
    const { get } = startPool(upstream.url, { headersTimeout: 100, bodyTimeout: 100 });
    await get("/1").ended;
    await new Promise((resolve) => setTimeout(resolve, 300));
    await get("/2").ended;
    expect(on(upstream.asked)).toEqual([
      ["/1", 0],
      ["/2", 0],
    ]);
  });
});

describe("a connection that can not be made", () => {
  it("is told without a controller: nothing was sent", async () => {
    const upstream = await startEcho();
    await upstream.close();
    const { get, onEmpty } = startPool(upstream.url, { connections: 3 });
    const recorders = Array.from({ length: 7 }, (_, i) => get(`/${i}`));
    for (const recorder of recorders) {
      const { order, error, errorController } = await recorder.ended;
      expect([order, error?.code, errorController]).toEqual([["error"], "ECONNREFUSED", undefined]);
    }
    expect(onEmpty).toHaveBeenCalledTimes(1);
  });

  it("in time is told in the same way", async () => {
    const connect = { timeout: 100, lookup: () => {} };
    const { get, onEmpty } = startPool("http://nobody.test:1", { connect });
    const { order, error, errorController } = await get("/").ended;
    expect([order, error?.code, errorController]).toEqual([["error"], "UND_ERR_CONNECT_TIMEOUT", undefined]);
    expect(onEmpty).toHaveBeenCalledTimes(1);
  });

  it("costs the others nothing", async () => {
    const upstream = await startEcho();
    let refuse = true;
    const { get } = startPool(`http://owner.test:${upstream.port}`, {
      connect: {
        lookup: (_host, _options, callback) => {
          if (refuse) callback(Object.assign(new Error("not yet"), { code: "EAI_AGAIN" }), []);
          else callback(null, [{ address: "127.0.0.1", family: 4 }]);
          refuse = false;
        },
      },
    });
    const [first, second] = [get("/1"), get("/2")];
    expect((await first.ended).error?.code).toBe("EAI_AGAIN");
    expect((await second.ended).body).toBe("/2");
    expect(upstream.asked[0]?.text).toContain(`\r\nhost: owner.test:${upstream.port}\r\n`);
  });
});

describe("an origin", () => {
  const hasIpv6 = Object.values(networkInterfaces()).some((all) =>
    all?.some(({ family }) => family === "IPv6"),
  );

  it("is localhost by its name", async () => {
    const upstream = await startEcho();
    const { get } = startPool(`http://localhost:${upstream.port}`);
    expect((await get("/x").ended).body).toBe("/x");
  });

  it("has several addresses, of which the first does not answer (happy eyeballs)", async () => {
    const upstream = await startEcho();
    const { get } = startPool(`http://owner.test:${upstream.port}`, {
      connect: {
        autoSelectFamily: true,
        lookup: (_host, _options, callback) =>
          callback(null, [
            { address: "::1", family: 6 },
            { address: "127.0.0.1", family: 4 },
          ]),
      },
    });
    for (const path of ["/1", "/2"]) expect((await get(path).ended).body).toBe(path);
    expect(upstream.connections.length).toBe(1);
  });

  it.skipIf(!hasIpv6)("is an address of IPv6", async () => {
    const upstream = await startUpstream(({ path, socket }) => void socket.write(sized(path)), "::1");
    const { get } = startPool(upstream.url);
    expect((await get("/x").ended).body).toBe("/x");
    expect(upstream.asked[0]?.text).toContain(`\r\nhost: [::1]:${upstream.port}\r\n`);
  });
});

describe("a pool that is destroyed", () => {
  it("cuts what is under way, fails what waits, and takes nothing new", async () => {
    const upstream = await startUpstream(({ path, socket }) => {
      if (path === "/begun") socket.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf");
    });
    const { pool, get, onEmpty } = startPool(upstream.url, { connections: 2 });
    const [begun, sent, waiting] = [get("/begun"), get("/sent"), get("/waiting")];
    await Promise.all([begun.bytes(4), upstream.requests(2)]);
    await pool.destroy();
    const after = get("/after");
    for (const [recorder, order] of [
      [begun, ["start", "head", "data", "error"]],
      [sent, ["start", "error"]],
      [waiting, ["error"]],
      [after, ["error"]],
    ] as const) {
      expect([recorder.order, recorder.error?.code]).toEqual([order, "UND_ERR_DESTROYED"]);
      const wasSent = recorder.order.length > 1;
      expect(recorder.errorController).toBe(wasSent ? recorder.controller : undefined);
    }
    await Promise.all(upstream.connections.map(closed));
    expect(onEmpty).toHaveBeenCalledTimes(1);
    expect(upstream.asked.length).toBe(2);
  });

  it("closes connections that nobody uses", async () => {
    const upstream = await startEcho();
    const { pool, get, onEmpty } = startPool(upstream.url);
    await get("/1").ended;
    await pool.destroy();
    await closed(upstream.connections[0]);
    expect(onEmpty).toHaveBeenCalledTimes(1);
  });

  it("closes those that are still being made", async () => {
    const upstream = await startEcho();
    const connecting = Promise.withResolvers<() => void>();
    const { pool, get, onEmpty } = startPool(`http://owner.test:${upstream.port}`, {
      connect: {
        lookup: (_host, _options, callback) =>
          connecting.resolve(() => callback(null, [{ address: "127.0.0.1", family: 4 }])),
      },
    });
    const recorder = get("/1");
    const connect = await connecting.promise;
    await pool.destroy();
    expect([recorder.order, recorder.error?.code]).toEqual([["error"], "UND_ERR_DESTROYED"]);
    expect(onEmpty).toHaveBeenCalledTimes(0);
    connect();
    await expect.poll(() => upstream.connections.length).toBe(1);
    await closed(upstream.connections[0]);
    expect(onEmpty).toHaveBeenCalledTimes(1);
    expect(upstream.asked).toEqual([]);
  });
});

describe("a pool is empty", () => {
  it("when its last connection is gone and nobody waits, and not before", async () => {
    const upstream = await startUpstream();
    const { get, onEmpty } = startPool(upstream.url, { connections: 2 });
    const recorders = ["/0", "/1", "/2"].map((path) => get(path));
    await upstream.requests(2);
    upstream.asked[0]?.socket.end();
    await Promise.race(recorders.map(({ ended }) => ended));
    // The third has waited for it, and goes on another.
    await upstream.requests(3);
    for (const { socket } of upstream.asked.slice(1)) {
      expect(onEmpty).toHaveBeenCalledTimes(0);
      socket.end(sized("x", "connection: close\r\n"));
    }
    await Promise.all(recorders.map(({ ended }) => ended));
    await expect.poll(() => onEmpty.mock.calls.length).toBe(1);
    expect(recorders.map(({ order }) => order.at(-1)).sort()).toEqual(["end", "end", "error"]);
  });

  it("and can be asked again", async () => {
    const upstream = await startEcho(() => "connection: close\r\n");
    const { get, onEmpty } = startPool(upstream.url);
    for (const times of [1, 2]) {
      expect((await get("/x").ended).body).toBe("/x");
      await expect.poll(() => onEmpty.mock.calls.length).toBe(times);
    }
  });

  it("also when all that it was asked was no request", async () => {
    const { get, onEmpty } = startPool("http://127.0.0.1:1");
    await get("no path").ended;
    await expect.poll(() => onEmpty.mock.calls.length).toBe(1);
  });
});

describe("answers of many megabytes", () => {
  const sha = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

  /** Bytes of which no part is like another, nor like one of another key's. */
  function noise(bytes: number, key: string): Buffer {
    const cipher = createCipheriv("aes-128-ctr", createHash("md5").update(key).digest(), Buffer.alloc(16));
    return cipher.update(Buffer.alloc(bytes));
  }

  it.each([
    ["sized", "sized"],
    ["chunked", "chunked"],
    ["sized", "chunked"],
    ["until-close", "chunked"],
  ])("come byte for byte, two at once over one buffer (%s and %s)", async (...kinds) => {
    const bodies = kinds.map((kind, i) => noise(8 * MB + i, `${kind} ${i}`));
    const send = async ({ path, socket }: Asked) => {
      const i = Number(path.slice(1));
      const body = bodies[i] as Buffer;
      const kind = kinds[i];
      // The other connection is read between any two of these.
      const write = async (bytes: Uint8Array | string) => {
        if (!socket.write(bytes, "latin1")) await once(socket, "drain");
      };
      if (kind === "sized") await write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n`);
      else await write(kind === "chunked" ? CHUNKED : "HTTP/1.1 200 OK\r\n\r\n");
      let size = 1;
      for (let from = 0; from < body.length; from += size) {
        size = (size * 7 + 13) % 200_003;
        const part = body.subarray(from, from + size);
        if (kind === "chunked") await write(`${part.length.toString(16)}\r\n`);
        await write(part);
        if (kind === "chunked") await write("\r\n");
      }
      if (kind === "chunked") await write("0\r\n\r\n");
      if (kind === "until-close") socket.end();
    };
    const upstream = await startUpstream((asked) => void send(asked));
    const { get } = startPool(upstream.url, { connections: 2 });
    const recorders = kinds.map((_, i) => get(`/${i}`));
    // Both were under way at once, else there was nothing to mix.
    await Promise.all(recorders.map((recorder) => recorder.bytes(1)));
    expect(recorders.every(({ order }) => order.at(-1) === "data")).toBe(true);
    for (const [i, recorder] of recorders.entries()) {
      const { error, chunks } = await recorder.ended;
      expect([error, sha(Buffer.concat(chunks))]).toEqual([undefined, sha(bodies[i] as Buffer)]);
    }
    expect(upstream.connections.length).toBe(2);
  });
});
