import { required } from "../processes/say.ts";

const prefix = required("SHARDCAST_TOPIC_PREFIX");

/** One partition each. */
export const ASK = `${prefix}floor.ask`;
export const ANSWER = `${prefix}floor.answer`;
