import type { AppendRecord, Log, LogReader, LogRecord } from "@shardcast/log";
import { decodeRequest } from "@shardcast/protocol";
import { ECHO_SERVICE, FORGED_HANDLER, LANES } from "./settings.ts";

/** The headers and the body of a forged reply, in the body of the request that it answers. */
export interface Forgery {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

/**
 * Answers requests for the forged handler with whatever their bodies say, before the worker does: replies that no
 * worker would write, for a caller that does wait.
 */
export async function openForger(log: Log): Promise<LogReader> {
  const topic = `${ECHO_SERVICE}.requests`;
  const forge = (record: LogRecord) => {
    const decoded = decodeRequest(record, ECHO_SERVICE, "forger");
    if (decoded.kind !== "request" || decoded.request.handler !== FORGED_HANDLER) return;
    const { id, replyTo, body } = decoded.request;
    if (replyTo === undefined) return;
    let forgery: Forgery;
    try {
      forgery = JSON.parse(body.toString("utf8")) as Forgery;
    } catch {
      return; // a mutated request
    }
    const reply: AppendRecord = {
      topic: `${ECHO_SERVICE}.replies`,
      partition: replyTo.partition,
      key: Buffer.from(id),
      value: typeof forgery.body === "string" ? Buffer.from(forgery.body, "latin1") : null,
      headers: { "sc-to": replyTo.instance, "sc-version": Buffer.of(1), ...forgery.headers },
    };
    log.append(reply).catch(() => {});
  };
  const reader = await log.openReader({ topics: [topic], onRecords: (records) => records.forEach(forge) });
  for (let lane = 0; lane < LANES; lane++) await reader.start(topic, lane, "latest");
  return reader;
}
