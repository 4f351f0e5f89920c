/** `type/subtype` of a Content-Type, in lower case. */
export function mediaTypeOf(contentType: string): string {
  const [type = ""] = contentType.split(";", 1);
  return type.trim().toLowerCase();
}

/** Whether what has this type is JSON. */
export function isJson(contentType: string): boolean {
  const type = mediaTypeOf(contentType);
  return type === "application/json" || type.endsWith("+json");
}
