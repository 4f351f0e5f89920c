import type { Handler } from "@shardcast/worker";
import type { RelayOptions } from "./broadcast-relay.ts";
import type { Courier } from "./courier.ts";
import { outcomeOf } from "./outcome.ts";
import { requestPost } from "./request-post.ts";

/**
 * Brings keyed requests to the application, one of a key at a time, in log order (C1): 2xx ends one, with the answer as the
 * caller's. The same request may come again after a crash; its id is the idempotency key.
 */
export function requestRelay(courier: Pick<Courier, "bring">, options: RelayOptions): Handler {
  return async (request, context) => {
    const answer = await courier.bring(() => requestPost(request, context, options.format), context);
    return outcomeOf(answer, options);
  };
}
