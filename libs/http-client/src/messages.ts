import { createParser, type EventSourceMessage } from "eventsource-parser";
import type { Scope } from "./scopes.ts";

/** The gateway says every 15 s that it lives; without a sign for so long the connection is taken for dead. */
const SILENCE_MS = 60_000;
/** Longest message, characters: a problem with its details (C7). */
const MAX_MESSAGE = 2_000_000;

/**
 * The server-sent events of a response, until it ends, breaks or falls silent, or the scope is over. Reads as fast as it is
 * read from.
 */
export async function* messagesOf(
  response: Response,
  { signal }: Scope,
): AsyncGenerator<EventSourceMessage, void, undefined> {
  if (response.body === null) return;
  // Not by iteration, which not every browser has.
  const reader = response.body.getReader();
  const come: EventSourceMessage[] = [];
  const text = new TextDecoder();
  const stop = () => {
    reader.cancel().catch(() => {});
  };
  const parser = createParser({
    maxBufferSize: MAX_MESSAGE,
    onEvent: (message) => come.push(message),
    onError: ({ type }) => {
      if (type === "max-buffer-size-exceeded") stop();
    },
  });
  signal.addEventListener("abort", stop);
  try {
    while (!signal.aborted) {
      const silent = setTimeout(stop, SILENCE_MS);
      const chunk = await reader.read().catch(() => undefined);
      clearTimeout(silent);
      if (chunk === undefined || chunk.done) return;
      parser.feed(text.decode(chunk.value, { stream: true }));
      yield* come.splice(0);
    }
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
}
