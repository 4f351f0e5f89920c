import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { laneOf } from "@shardcast/routing";
import type { Worker } from "@shardcast/worker";
import type { Logger } from "pino";
import type { Ledger } from "./ledger.ts";

export interface DirectReadsOptions {
  readonly ledger: Ledger;
  /** P, the number of lanes. */
  readonly lanes: number;
  readonly worker: Pick<Worker, "member" | "lanes">;
  readonly logger: Logger;
}

const PATH = /^\/accounts\/([^/]+)$/;
const METHODS = new Set(["GET", "HEAD"]);

/**
 * `GET /accounts/{key}`: the balance, for who comes straight to the owner, by the directory or a gateway's proxy. No request of the
 * log is waited for, so it is what was booked last. Who is not the owner says so (421): the balance that he knew may be an old one,
 * and the caller may have an old directory.
 */
export function directReads({ ledger, lanes, worker, logger }: DirectReadsOptions): RequestListener {
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? "", "http://replica");
    const [, encoded] = PATH.exec(pathname) ?? [];
    if (encoded === undefined) return refuse(response, 404, "Not Found", "there are only /accounts/{key}");
    if (!METHODS.has(request.method ?? "")) {
      response.setHeader("allow", [...METHODS].join(", "));
      return refuse(response, 405, "Method Not Allowed", "accounts are changed by way of the log");
    }
    const account = decoded(encoded);
    if (account === undefined)
      return refuse(response, 400, "Bad Request", "key: is not percent-encoded UTF-8");
    const lane = laneOf(account, lanes);
    if (!owns(request, lane)) {
      const detail = `member ${worker.member} does not own lane ${lane} of this account now`;
      return refuse(response, 421, "Misdirected Request", detail);
    }
    const { balance } = await ledger.load(Buffer.from(account));
    send(response, 200, "application/json", { account, balance, handledBy: { member: worker.member, lane } });
  }

  /** Also not where the caller knows of a later owner: this one was stopped for a while, and does not know it yet (C2). */
  function owns({ headers }: IncomingMessage, lane: number): boolean {
    const held = worker.lanes().find((each) => each.lane === lane);
    if (held?.state !== "owned") return false;
    const isOfLane = headers["shardcast-lane"] === String(lane);
    return !(isOfLane && Number(headers["shardcast-fencing-token"]) > held.fencingToken);
  }

  return (request, response) => {
    answer(request, response).catch((error: unknown) => {
      logger.error({ err: error, url: request.url }, "can not tell a balance");
      refuse(response, 500, "Internal Server Error", "see the log of the replica");
    });
  };
}

function decoded(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}

/** RFC 9457. */
function refuse(response: ServerResponse, status: number, title: string, detail: string): void {
  send(response, status, "application/problem+json", { type: "about:blank", title, status, detail });
}

function send(response: ServerResponse, status: number, type: string, body: object): void {
  // A cache would tell it when it is no longer so.
  response.writeHead(status, { "content-type": type, "cache-control": "no-store" });
  response.end(JSON.stringify(body));
}
