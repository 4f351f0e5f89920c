import type { Broadcast } from "@shardcast/client";
import { type BroadcastStatus, toBroadcastJson, toOutcomeJson, toProblem } from "@shardcast/protocol";

/**
 * What comes of a broadcast as lines of JSON: `accepted`, a `member` for each outcome that is final, `end`; `problem` when the
 * gateway can not tell any more.
 *
 * @param ended how it stands when nothing more is waited for
 */
export async function* ndjsonOf(
  broadcast: Broadcast,
  ended: () => Promise<BroadcastStatus>,
): AsyncGenerator<string, void, undefined> {
  yield line({ type: "accepted", status: toBroadcastJson(broadcast.accepted) });
  try {
    for await (const outcome of broadcast) yield line({ type: "member", outcome: toOutcomeJson(outcome) });
    yield line({ type: "end", status: toBroadcastJson(await ended()) });
  } catch (error) {
    yield line({ type: "problem", problem: toProblem(error) });
  }
}

function line(document: object): string {
  return `${JSON.stringify(document)}\n`;
}
