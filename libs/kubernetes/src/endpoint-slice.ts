import type { Resource } from "./resource.ts";

/** What the API says of an EndpointSlice, as far as we read it. */
export interface RawEndpointSlice extends Resource {
  readonly endpoints?: readonly {
    readonly hostname?: string;
    readonly targetRef?: { readonly uid?: string };
    readonly conditions?: { readonly ready?: boolean };
  }[];
}

/** The uids of pods that cluster DNS answers for by their host names. */
export type PublishedPods = readonly string[];

/**
 * DNS has an endpoint's name while it is ready or does not say so; with `publishNotReadyAddresses` all of them are. By uid: a pod
 * that has just taken another's place is not yet who its name leads to.
 */
export function trimSlice({ endpoints }: RawEndpointSlice): PublishedPods {
  // Null where a Service has none.
  return (endpoints ?? []).flatMap(({ hostname, targetRef, conditions }) =>
    hostname && targetRef?.uid !== undefined && conditions?.ready !== false ? [targetRef.uid] : [],
  );
}
