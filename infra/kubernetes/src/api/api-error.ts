/** What the API server says instead of doing it. */
export class ApiError extends Error {
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.name = "ApiError";
    this.status = status;
  }

  static of(path: string, status: number, text: string): ApiError {
    let message = text.slice(0, 500);
    try {
      message = (JSON.parse(text) as { message?: string }).message ?? message;
    } catch {
      // A server that ends says so in plain text.
    }
    return new ApiError(`${path}: ${status} ${message}`, status);
  }

  /** Whether the same question may be answered later. Right after its start the server knows no roles yet, hence 403; a patch that others were quicker than again and again is a 409. */
  get mayPass(): boolean {
    if (this.status === 409) return this.message.includes("the object has been modified");
    return this.status === 403 || this.status === 429 || this.status >= 500;
  }
}

/** True when the error says that the object is not there any more, or is another one of the same name. */
export function isGone(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 404 || error.status === 409);
}
