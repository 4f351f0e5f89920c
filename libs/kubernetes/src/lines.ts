/** The longest line, and the longest list: an object is at most about 1.5 MB. */
const MAX_LENGTH = 16_000_000;

/**
 * The lines of a stream, without what ends them.
 *
 * @throws {RangeError} a line that is too long
 * @throws {SyntaxError} a stream that ends within a line
 */
export async function* linesOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = `${rest}${decoder.decode(chunk, { stream: true })}`.split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > MAX_LENGTH) throw new RangeError(`a line of more than ${MAX_LENGTH} characters`);
    yield* lines;
  }
  if (rest !== "") throw new SyntaxError("the stream ended within a line");
}

/**
 * All of a stream.
 *
 * @throws {RangeError} one that is too long
 */
export async function textOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_LENGTH) throw new RangeError(`a list of more than ${MAX_LENGTH} characters`);
  }
  return text;
}
