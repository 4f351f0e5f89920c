import { setTimeout as sleep } from "node:timers/promises";
import { type Handler, RetryableError, reply, TerminalError } from "@shardcast/worker";

export const echo: Handler = ({ body, contentType }) =>
  reply({ body, ...(contentType === undefined ? {} : { contentType }) });

/** Handlers of either service, for what they do to a reply. None answers 500 of its own will. */
export const named: Readonly<Record<string, Handler>> = {
  echo,
  nothing: () => undefined,
  slow: async (request, context) => {
    await sleep(5);
    return echo(request, context);
  },
  refuse: () => {
    throw new TerminalError("refused", { status: 409, details: { status: 1, code: "x", title: ["y"] } });
  },
  fail: () => {
    throw new Error("failed");
  },
  "throw-nothing": () => {
    throw undefined;
  },
  again: (_request, { attempt }) => {
    if (attempt < 2) throw new RetryableError("again");
    return "at last";
  },
  json: (request) => ({ got: request.json() }),
  huge: () => Buffer.alloc(100_000, "h"),
  circular: () => {
    const round: Record<string, unknown> = {};
    round.round = round;
    return round;
  },
  headers: () =>
    reply({ status: 203, headers: { "content-length": "7", connection: "close", "x-set": "1" }, body: "ok" }),
  empty: () => reply({ status: 200 }),
  partial: () => reply({ status: 206, body: Buffer.alloc(0), contentType: "bad\u0001type" }),
  // Slower than the forged reply, so that this is the second one.
  forged: async (request, context) => {
    await sleep(20);
    return echo(request, context);
  },
};
