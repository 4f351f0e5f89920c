import { type LaneProgress, MAX_METADATA_BYTES } from "../session.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is the rule, control characters included
const ASCII = /^[\u0000-\u007f]*$/;

/** Whether a session may commit this. Throws a RangeError: it is the caller's mistake, and must not cost the session. */
export function assertProgress({ lane, offset, metadata }: LaneProgress): void {
  if (!Number.isSafeInteger(lane) || lane < 0) throw new RangeError(`${lane} is not a lane`);
  if (!Number.isSafeInteger(offset) || offset < 0) throw new RangeError(`${offset} is not an offset`);
  if (metadata.length > MAX_METADATA_BYTES || !ASCII.test(metadata)) {
    throw new RangeError(`metadata of lane ${lane}: at most ${MAX_METADATA_BYTES} bytes of ASCII`);
  }
}
