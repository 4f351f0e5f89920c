/** Of finding the address and connecting: nothing was sent before. */
const BEFORE_SENDING: ReadonlySet<string> = new Set(["connect", "getaddrinfo"]);

/** Whether a request failed before anything of it was sent: nobody is there, so nobody has had it. */
export function neverReached(error: unknown): boolean {
  // A failure to connect to each of several addresses has its reasons inside.
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(neverReached);
  if (!(error instanceof Error)) return false;
  const { code, syscall } = error as { readonly code?: unknown; readonly syscall?: unknown };
  return code === "UND_ERR_CONNECT_TIMEOUT" || (typeof syscall === "string" && BEFORE_SENDING.has(syscall));
}

/** What a request failed with, in words. */
export function reasonOf(thrown: unknown): string {
  if (thrown instanceof AggregateError) return thrown.errors.map(reasonOf).join("; ");
  return thrown instanceof Error ? thrown.message : String(thrown);
}
