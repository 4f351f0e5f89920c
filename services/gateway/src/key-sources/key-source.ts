/** Where the shard key of a request to `POST /v1/{service}/requests` is. */
export type KeySource =
  | { readonly from: "header"; readonly name: string }
  /** A segment of what follows `/requests/` in the path, the first is 1. The other segments are the handler. */
  | { readonly from: "path"; readonly segment: number }
  | { readonly from: "query"; readonly name: string }
  /** A JSON pointer (RFC 6901) into the body; of a CloudEvent, into its data. */
  | { readonly from: "json"; readonly pointer: string }
  /**
   * A claim of the bearer token. THE TOKEN IS ONLY DECODED, ITS SIGNATURE IS NOT VERIFIED: for gateways that are reached
   * only through an ingress that verifies it. Anybody else could write any claim.
   */
  | { readonly from: "jwt"; readonly claim: string };

/** In the words of an error. */
export function sourceText(source: KeySource): string {
  switch (source.from) {
    case "header":
      return `header ${source.name}`;
    case "path":
      return `path segment ${source.segment} after /requests/`;
    case "query":
      return `query parameter ${source.name}`;
    case "json":
      return `JSON pointer ${source.pointer} into the body`;
    case "jwt":
      return `claim ${source.claim} of the bearer token`;
  }
}
