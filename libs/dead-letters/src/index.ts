export type { DeadLetters, DeadLettersOptions } from "./dead-letters.ts";
export { openDeadLetters } from "./dead-letters.ts";
export type { DeadLetterPage, ListedLetter, ListOptions } from "./list.ts";
export { DEFAULT_PAGE } from "./list.ts";
export { DeadLettersByService } from "./per-service.ts";
export type { RedriveOptions } from "./redrive.ts";
export type { Selection } from "./selection.ts";
export type { LetterOutcome, SettleOptions, SettleReport, SkipReason } from "./settling.ts";
