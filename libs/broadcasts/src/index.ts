export type {
  BroadcastChange,
  BroadcastDraft,
  BroadcastPage,
  BroadcastQuery,
  Broadcasts,
  DroppedAcks,
  Published,
  RedriveOptions,
} from "./broadcasts.ts";
export type { BroadcastsOptions } from "./open-broadcasts.ts";
export { openBroadcasts } from "./open-broadcasts.ts";
