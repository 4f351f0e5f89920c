import type { JsonObject } from "../documents/json.ts";

/** Puts a message there, under this name or one like it. `key`: what the record's key is; none without it. */
export type PutMessage = (
  wanted: string,
  summary: string,
  headers: JsonObject,
  payload: JsonObject,
  key?: JsonObject,
) => string;
