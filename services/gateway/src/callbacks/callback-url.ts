import { isCallbackUrl, ShardcastError } from "@shardcast/protocol";
import { addressIn, isPublicAddress } from "./addresses.ts";
import { type HostRule, isListed, parseHostRule } from "./hosts.ts";
import type { CallbackSettings } from "./options.ts";

/**
 * The URL to call back, where it may be called.
 *
 * @throws {ShardcastError} SHARDCAST_INVALID_REQUEST naming `Callback-URL`
 */
export function assertCallbackUrl(
  text: string,
  { callbackHosts, callbackAllowPrivate }: Pick<CallbackSettings, "callbackHosts" | "callbackAllowPrivate">,
): URL {
  if (callbackHosts.length === 0) throw refused("this gateway calls nobody back");
  if (!isCallbackUrl(text)) throw refused("must be an http(s) URL of at most 2,048 characters");
  const url = new URL(text);
  // They would be sent to whoever answers there, and lie on the log.
  if (url.username !== "" || url.password !== "") throw refused("must not carry a user or a password");
  if (!isListed(url, callbackHosts.map(rule))) throw refused(`${url.host} is not a host to be called back`);
  const address = addressIn(url);
  if (address !== undefined && !callbackAllowPrivate && !isPublicAddress(address)) {
    throw refused(`${url.host} is not an address of the Internet`);
  }
  return url;
}

function rule(entry: string): HostRule {
  return parseHostRule(entry) as HostRule; // checked with the options
}

function refused(why: string): ShardcastError {
  return new ShardcastError("SHARDCAST_INVALID_REQUEST", `Callback-URL: ${why}`);
}
