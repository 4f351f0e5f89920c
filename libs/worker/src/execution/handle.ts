import { fingerprintOf, type RequestEnvelope, ShardcastError } from "@shardcast/protocol";
import type { Results } from "@shardcast/results";
import type { Handler } from "../handler.ts";
import type { AdmittedRequest } from "./admitted-request.ts";
import { type Answer, problemAnswer, recordedAnswer } from "./answer.ts";
import type { AttemptNews } from "./attempt-news.ts";
import { cancelled, type Execution, execute } from "./execute.ts";
import type { ProgressSource } from "./outbox.ts";
import type { Outcome } from "./outcome.ts";
import type { Parking } from "./parking.ts";
import type { Settler } from "./settle.ts";

export interface HandleOptions {
  readonly handlerFor: (name: string) => Handler | undefined;
  readonly settler: Settler;
  readonly results: Pick<Results, "get">;
  /** For requests that are recorded with their progress. */
  readonly newsOf: (request: RequestEnvelope) => AttemptNews;
  /** Where keys whose requests are exhausted are parked; absent where they go on. */
  readonly parking?: Parking;
}

/**
 * Handles one record to its end; resolves to whether it has ended, and what came of it is on the log. Rejects when the
 * lane is lost before that.
 */
export async function handle(
  admitted: AdmittedRequest,
  source: ProgressSource,
  execution: Execution,
  options: HandleOptions,
): Promise<boolean> {
  const { settler, newsOf, parking } = options;
  const { record, cancellation } = admitted;
  const decoded = admitted.decode(execution.scope.service);
  const { halted } = execution;
  if (decoded.kind === "unpark") {
    const { key, upTo } = decoded;
    if (parking?.ends(key, upTo))
      await parking.around(key, halted, () => settler.unpark(record, key, source));
    return true;
  }
  if (decoded.kind !== "request") {
    const error =
      decoded.kind === "malformed"
        ? new ShardcastError(decoded.code, decoded.reason)
        : new ShardcastError("SHARDCAST_MALFORMED_RECORD", "a cancel is not handled");
    await settler.settle(record, undefined, { kind: "exhausted", error, attempts: 0 }, source);
    return true;
  }
  const { request } = decoded;
  if (request.recording !== undefined) {
    const answer = answerKnown(request, options);
    if (answer !== undefined) {
      await settler.answer(record, request, answer, source);
      return true;
    }
  }
  const handler = options.handlerFor(request.handler);
  let outcome: Outcome;
  const held = parking?.holds(request);
  if (cancellation.requested) outcome = { kind: "cancelled", error: cancelled(0), attempts: 0 };
  else if (held !== undefined) outcome = held;
  else if (handler === undefined) {
    outcome = { kind: "failed", error: unknownHandler(request.handler), attempts: 0 };
  } else {
    const news = request.recording === "progress" ? newsOf(request) : undefined;
    outcome = await execute(handler, request, record.offset, execution, cancellation, news);
    if (parking !== undefined) outcome = parking.judge(request, outcome);
  }
  const settle = () => settler.settle(record, request, outcome, source);
  const parks = outcome.kind === "exhausted" && outcome.parks;
  if (parks && parking !== undefined) await parking.around(request.key, halted, settle);
  else await settle();
  return outcome.kind !== "abandoned";
}

/** What a request gets that is recorded already, or whose key is another's (C5); undefined for one that has to run. */
function answerKnown(request: RequestEnvelope, { results }: HandleOptions): Answer | undefined {
  const known = results.get(request.id);
  if (known?.kind !== "ended" || known.delivery < request.attempt) return undefined;
  if (known.fingerprint !== fingerprintOf(request)) {
    const detail = "another request with this idempotency key came first";
    return problemAnswer(new ShardcastError("SHARDCAST_IDEMPOTENCY_MISMATCH", detail));
  }
  // Its handler never completed.
  return known.end === "expired" ? undefined : recordedAnswer(known);
}

function unknownHandler(name: string): ShardcastError {
  const detail =
    name === "" ? "the request names no handler and there is no default one" : `there is no handler ${name}`;
  return new ShardcastError("SHARDCAST_UNKNOWN_HANDLER", detail);
}
