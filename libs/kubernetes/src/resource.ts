import { ApiFault } from "./api-fault.ts";

/** What every object of the API has. */
export interface Resource {
  readonly metadata: { readonly name: string; readonly resourceVersion: string };
}

/** A list, or one page of it. */
export interface ResourceList<T> {
  readonly version: string;
  readonly items: readonly T[];
  /** Gives the next page; undefined on the last one. */
  readonly continueToken: string | undefined;
}

export type WatchEvent<T> =
  | { readonly kind: "changed" | "deleted"; readonly version: string; readonly item: T }
  | { readonly kind: "bookmark"; readonly version: string };

/** @throws {Error} what is no list */
export function parseList<T extends Resource>(text: string): ResourceList<T> {
  const { metadata, items } = JSON.parse(text);
  if (!Array.isArray(items) || typeof metadata?.resourceVersion !== "string")
    throw new TypeError("the API server answered with no list");
  // Empty where there is no further page.
  const continueToken =
    typeof metadata.continue === "string" && metadata.continue !== "" ? metadata.continue : undefined;
  return { version: metadata.resourceVersion, items: items.map(asResource<T>), continueToken };
}

/**
 * @throws {ApiFault} the event that ends a watch, 410 when it can not be gone on with
 * @throws {Error} what is no event
 */
export function parseEvent<T extends Resource>(line: string): WatchEvent<T> {
  const { type, object } = JSON.parse(line);
  switch (type) {
    case "ADDED":
    case "MODIFIED":
    case "DELETED": {
      const item = asResource<T>(object);
      const kind = type === "DELETED" ? "deleted" : "changed";
      return { kind, version: item.metadata.resourceVersion, item };
    }
    case "BOOKMARK":
      if (typeof object?.metadata?.resourceVersion !== "string") throw new TypeError("a bookmark of nothing");
      return { kind: "bookmark", version: object.metadata.resourceVersion };
    case "ERROR":
      throw new ApiFault(Number(object?.code), String(object?.message));
    default:
      throw new TypeError(`an event of unknown type ${JSON.stringify(type)}`);
  }
}

function asResource<T extends Resource>(object: unknown): T {
  const { metadata } = (object ?? {}) as { metadata?: { name?: unknown; resourceVersion?: unknown } };
  if (typeof metadata?.name === "string" && typeof metadata.resourceVersion === "string") return object as T;
  throw new TypeError("an object without a name and a version");
}
