import type { AckRecord } from "@shardcast/protocol";

/** What is said of one broadcast. */
export type Word = Exclude<AckRecord, { readonly kind: "joined" }>;
/** By a member. */
export type Said = Extract<Word, { readonly author: unknown }>;
/** By a gateway: what no member can say of itself. */
export type KeeperWord = Exclude<Word, Said>;
