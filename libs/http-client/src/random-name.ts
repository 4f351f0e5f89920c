/** A name that nobody else has. Not `randomUUID`, which browsers have only where the page came over HTTPS. */
export function randomName(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
