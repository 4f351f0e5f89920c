/** What the API server answered instead of what it was asked for. */
export class ApiFault extends Error {
  /** HTTP status, or the code of the Status that ended a watch. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(`the API server answered ${status}: ${message}`);
    this.name = "ApiFault";
    this.status = status;
  }
}
