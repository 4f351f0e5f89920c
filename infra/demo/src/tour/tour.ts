import { bypass } from "./bypass.ts";
import { crash } from "./crash.ts";
import { keyedRequest } from "./keyed-request.ts";
import { notifyAll } from "./notify-all.ts";
import { order } from "./order.ts";
import { poison } from "./poison.ts";
import type { Stage } from "./stage.ts";

type Section = (stage: Stage) => Promise<void>;

const SECTIONS: readonly (readonly [title: string, section: Section])[] = [
  ["A request for a key", keyedRequest],
  ["Order: 200 deposits at once", order],
  ["The same 200 deposits, past the lanes", bypass],
  ["A request that always fails", poison],
  ["A replica dies and starts again", crash],
  ["Every replica is told, also one that is down", notifyAll],
];

/**
 * Shows everything, and checks everything that it says.
 *
 * @throws {TourFault} when something does not hold
 */
export async function takeTour(stage: Stage, signal: AbortSignal): Promise<void> {
  for (const [i, [title, section]] of SECTIONS.entries()) {
    signal.throwIfAborted();
    stage.print.title(`${i + 1}. ${title}`);
    await section(stage);
  }
}
