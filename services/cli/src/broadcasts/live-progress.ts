import type { BroadcastStatus } from "@shardcast/protocol";
import { createLogUpdate } from "log-update";
import { frame } from "../render/frame.ts";
import { styleOf } from "../render/style.ts";
import type { Output } from "../world.ts";
import type { Progress } from "./progress.ts";

/** Often enough for times that count in tenths of a second. */
const REDRAW_MS = 100;
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

type Drawing =
  | { readonly kind: "idle" }
  | { readonly kind: "drawing"; readonly timer: NodeJS.Timeout }
  | { readonly kind: "closed" };

/** A picture of all members, drawn over again. */
export function liveProgress(stdout: Output, now: () => number = Date.now): Progress {
  const update = createLogUpdate(stdout);
  const style = styleOf(stdout);
  let drawing: Drawing = { kind: "idle" };
  let known: BroadcastStatus | undefined;

  function draw(): void {
    if (known === undefined || drawing.kind === "closed") return;
    const { columns = DEFAULT_COLUMNS, rows = DEFAULT_ROWS } = stdout;
    update(frame(known, { columns, rows, nowMs: now(), style }));
  }

  function close(): void {
    if (drawing.kind === "drawing") clearInterval(drawing.timer);
    if (drawing.kind !== "closed") update.done();
    drawing = { kind: "closed" };
  }

  return {
    accepted(status) {
      known = status;
      // Changes are drawn with the next picture: sixty-four members that answer at once are one.
      drawing = { kind: "drawing", timer: setInterval(draw, REDRAW_MS) };
      draw();
    },
    changed(_member, status) {
      known = status;
    },
    ended(status) {
      known = status;
      draw();
      close();
    },
    close,
  };
}
