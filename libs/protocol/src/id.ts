import { v7, validate, version } from "uuid";

/** A new request id: UUID version 7 (RFC 9562), so ordered by time and not to be guessed. */
export function newRequestId(): string {
  return v7();
}

export function isRequestId(value: string): boolean {
  return validate(value) && version(value) === 7;
}
