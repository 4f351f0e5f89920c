/** What a document has at a path, or at a pointer such as `#/components/schemas/Key`. */
export function at(document: unknown, path: string | readonly string[]): unknown {
  const segments =
    typeof path === "string"
      ? path
          .slice(2)
          .split("/")
          .map((segment) => segment.replaceAll("~1", "/").replaceAll("~0", "~"))
      : path;
  let found = document;
  for (const segment of segments) found = (found as Record<string, unknown> | undefined)?.[segment];
  return found;
}
