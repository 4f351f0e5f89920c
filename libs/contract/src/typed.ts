import { isShardcastError, ShardcastError } from "@shardcast/protocol/errors";
import type { Contract, HandlerDefinition, HandlerName, InputSent, KeySent, OutputRead } from "./contract.ts";
import { inputText } from "./input-text.ts";
import { type Broadcaster, broadcastFunction, type TypedBroadcasts } from "./typed-broadcast.ts";
import { TypedError } from "./typed-error.ts";
import { issuesText, validate } from "./validate.ts";
import { decodeWith } from "./wire.ts";

/** What is needed of an answer. */
export interface Answered {
  /** The request's id. */
  readonly id: string;
  readonly status: number;
  readonly body: Uint8Array;
}

/** The part of a client that is needed; over Kafka, over HTTP, any that speaks to the service will do. */
export interface Requester<Options extends object = object> {
  request(
    service: string,
    key: string | Uint8Array,
    body?: string,
    options?: Options & { readonly handler?: string; readonly contentType?: string },
  ): Promise<Answered>;
}

/** What the contract leaves to say of a request. */
export type TypedOptions<Options extends object> = Omit<Options, "handler" | "contentType"> & {
  readonly handler?: never;
  readonly contentType?: never;
};

/** A function for each handler of a contract. */
export type TypedClient<C extends Contract, Options extends object = object> = {
  readonly [H in HandlerName<C>]: (
    key: KeySent<C>,
    ...more: undefined extends InputSent<C, H>
      ? [input?: InputSent<C, H>, options?: TypedOptions<Options>]
      : [input: InputSent<C, H>, options?: TypedOptions<Options>]
  ) => Promise<OutputRead<C, H>>;
};

/** Statuses from here on are no success. */
const REDIRECTS = 300;

/**
 * Calls a service by its contract.
 *
 * Key and input are checked before they are sent, and nothing is sent when they do not fit: SHARDCAST_INVALID_KEY, or
 * SHARDCAST_INVALID_REQUEST with status 422, each with `extensions.issues`. What a handler declares as an error is thrown as a
 * {@link TypedError}, anything else as `client.request` does. An answer that does not fit is thrown as
 * SHARDCAST_UNSUPPORTED_VERSION: the worker goes by another version of the contract. Its request has been handled all the
 * same.
 *
 * With a client that broadcasts, and a contract that declares some, there is `broadcast(name, input, options)` as well. Its input
 * is checked in the same way; what comes of it is what `client.broadcast` gives.
 */
export function typed<C extends Contract, Options extends object, BroadcastOptions extends object, Sent>(
  client: Requester<Options> & Broadcaster<BroadcastOptions, Sent>,
  contract: C,
): TypedClient<C, Options> & TypedBroadcasts<C, BroadcastOptions, Sent>;
export function typed<C extends Contract, Options extends object>(
  client: Requester<Options>,
  contract: C,
): TypedClient<C, Options>;
export function typed(client: Requester & Partial<Broadcaster>, contract: Contract): object {
  const functions = Object.entries(contract.handlers).map(([name, definition]) => [
    name,
    (key: string | Uint8Array, input?: unknown, options?: object) =>
      call({ client, contract, name, definition }, key, input, options),
  ]);
  const broadcasts = broadcastFunction(client, contract);
  return Object.freeze({ ...Object.fromEntries(functions), ...broadcasts });
}

interface Target {
  readonly client: Requester;
  readonly contract: Contract;
  readonly name: string;
  readonly definition: HandlerDefinition;
}

async function call(
  target: Target,
  key: string | Uint8Array,
  input: unknown,
  options: object | undefined,
): Promise<unknown> {
  const { client, contract, name, definition } = target;
  await checkKey(contract, key);
  const body = await inputText(name, definition, input);
  const asked = { ...options, handler: name };
  let answered: Answered;
  try {
    answered = await client.request(
      contract.service,
      key,
      body,
      body === undefined ? asked : { ...asked, contentType: "application/json" },
    );
  } catch (error) {
    throw (await declaredError(target, error)) ?? error;
  }
  return outputOf(name, definition, answered);
}

async function checkKey({ keys }: Contract, key: string | Uint8Array): Promise<void> {
  if (keys === undefined) return;
  const checked = await validate(keys, key);
  if (checked.ok) return;
  const { issues } = checked;
  throw new ShardcastError("SHARDCAST_INVALID_KEY", `key: ${issuesText(issues)}`, { extensions: { issues } });
}

/** Undefined for what is not declared, also when its details are not as declared: nothing of it is hidden then. */
async function declaredError(
  { contract, name, definition }: Target,
  error: unknown,
): Promise<TypedError | undefined> {
  if (!isShardcastError(error) || error.code !== "SHARDCAST_HANDLER_REFUSED") return undefined;
  const { error: refusal, details } = error.extensions;
  const { errors = {} } = definition;
  if (typeof refusal !== "string" || !Object.hasOwn(errors, refusal)) return undefined;
  const schema = errors[refusal]?.details;
  if (schema === undefined) return new TypedError(contract.service, name, refusal, undefined, error);
  const checked = await validate(schema, details);
  return checked.ok ? new TypedError(contract.service, name, refusal, checked.value, error) : undefined;
}

async function outputOf(name: string, { output }: HandlerDefinition, answered: Answered): Promise<unknown> {
  if (answered.status >= REDIRECTS) throw otherVersion(name, answered, `status ${answered.status}`);
  if (output === undefined) return undefined;
  const decoded = await decodeWith(output, answered.body);
  switch (decoded.kind) {
    case "value":
      return decoded.value;
    case "not-json":
      throw otherVersion(name, answered, "not valid JSON");
    case "unfit":
      throw otherVersion(name, answered, issuesText(decoded.issues), { issues: decoded.issues });
  }
}

function otherVersion(name: string, { id }: Answered, why: string, more: object = {}): ShardcastError {
  const detail = `the answer of ${name} does not fit the contract of this caller: ${why}`;
  return new ShardcastError("SHARDCAST_UNSUPPORTED_VERSION", detail, {
    extensions: { ...more, requestId: id },
  });
}
