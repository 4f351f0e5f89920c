/** Where the shard key of a request to `POST /v1/{service}/requests`, or of one that a rule proxies, is. */
export type KeySource =
  | { readonly from: "header"; readonly name: string }
  /** A segment of what follows `/requests/` in the path, the first is 1; the others are the handler. In a rule, of all the path. */
  | { readonly from: "path"; readonly segment: number }
  | { readonly from: "query"; readonly name: string }
  /** A JSON pointer (RFC 6901) into the body; of a CloudEvent, into its data. */
  | { readonly from: "json"; readonly pointer: string }
  /**
   * A claim of the bearer token. THE TOKEN IS ONLY DECODED, ITS SIGNATURE IS NOT VERIFIED: for gateways that are reached
   * only through an ingress that verifies it. Anybody else could write any claim.
   */
  | { readonly from: "jwt"; readonly claim: string }
  | { readonly from: "cookie"; readonly name: string }
  /** The address of who asks, behind as many proxies as are trusted. Of rules of the proxy only. */
  | { readonly from: "client" };

/** In the words of an error. */
export function sourceText(source: KeySource): string {
  switch (source.from) {
    case "header":
      return `header ${source.name}`;
    case "path":
      return `path segment ${source.segment}`;
    case "query":
      return `query parameter ${source.name}`;
    case "json":
      return `JSON pointer ${source.pointer} into the body`;
    case "jwt":
      return `claim ${source.claim} of the bearer token`;
    case "cookie":
      return `cookie ${source.name}`;
    case "client":
      return "the caller's address";
  }
}
