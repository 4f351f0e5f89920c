/** Of the system under test; small limits, so that going over them is cheap. */
export const LANES = 3;
/** Its default handler echoes. */
export const ECHO_SERVICE = "fuzz";
/** It has named handlers only. */
export const NAMED_SERVICE = "named";
export const SERVICES = [ECHO_SERVICE, NAMED_SERVICE] as const;
export const MAX_RECORD_BYTES = 60_000;
/** Below the largest record, but not by as much as key and headers may take: both limits can be met. */
export const BODY_LIMIT_BYTES = 58_000;
/** Records a partition keeps; more than a batch of cases brings, so that nothing unread is dropped. */
export const KEPT_RECORDS = 400;
/** Who waits for the replies of records that the fuzzer wrote. */
export const COLLECTOR = { partition: 5, instance: "fuzz-collector" } as const;
/** The client of the target, and a request of its own that stays open. */
export const CLIENT_INSTANCE = "fuzz-client";
/** Handler for which the target forges replies, as the request's body says. */
export const FORGED_HANDLER = "forged";
