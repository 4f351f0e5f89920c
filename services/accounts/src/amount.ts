import { type HandlerRequest, TerminalError } from "@shardcast/worker";

/** Ten billion, in cents: far below where numbers stop being exact. */
export const MAX_CENTS = 1_000_000_000_000;

/**
 * The amount in a body `{"cents": 1250}`.
 *
 * @throws {TerminalError} 400 for what is no JSON object, 422 for an amount that can not be booked
 */
export function centsOf(request: HandlerRequest): number {
  const body = request.json();
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new TerminalError('body: must be an object like {"cents": 1250}', { status: 400 });
  }
  const { cents } = body as { cents?: unknown };
  if (typeof cents === "number" && Number.isInteger(cents) && cents >= 1 && cents <= MAX_CENTS) return cents;
  throw new TerminalError(`cents: must be a whole number from 1 to ${MAX_CENTS}`, {
    status: 422,
    details: { field: "cents" },
  });
}
