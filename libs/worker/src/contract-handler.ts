import {
  type Contract,
  decodeWith,
  encodeWith,
  type HandlerDefinition,
  type Issue,
  issuesText,
  validate,
} from "@shardcast/contract";
import { TerminalError } from "./errors.ts";
import type { Handler, HandlerContext, HandlerRequest } from "./handler.ts";
import { type HandlerReply, reply } from "./reply.ts";

/** Whatever the contract; the types of the public side say more. */
export type AnyImplementation = (call: {
  readonly input: unknown;
  readonly key: unknown;
  readonly request: HandlerRequest;
  readonly context: HandlerContext;
  readonly fail: (name: string, details?: unknown, message?: string) => never;
}) => unknown;

/** Thrown by `fail`. */
class Declared extends TerminalError {
  readonly error: string;

  constructor(error: string, status: number, details: unknown, message: string) {
    // In members of their own: a problem document has a `status`, a `detail` and more already.
    super(message, { status, details: details === undefined ? { error } : { error, details } });
    this.error = error;
  }
}

/** The handler that reads, checks and answers around an implementation. */
export function contractHandler(
  contract: Contract,
  name: string,
  definition: HandlerDefinition,
  implementation: AnyImplementation,
): Handler {
  const { errors = {} } = definition;

  function fail(error: string, details?: unknown, message = error): never {
    const declared = Object.hasOwn(errors, error) ? errors[error] : undefined;
    if (declared === undefined) throw new Error(`${name} fails with ${error}, which it does not declare`);
    if (declared.details === undefined && details !== undefined) {
      throw new Error(`${name} fails with ${error} and details, of which it declares none`);
    }
    throw new Declared(error, declared.status, details, message);
  }

  return async (request, context) => {
    const key = await keyOf(contract, request);
    const input = await inputOf(definition, request);
    try {
      return await replyOf(name, definition, await implementation({ input, key, request, context, fail }));
    } catch (error) {
      if (error instanceof Declared) await checkDetails(name, definition, error);
      throw error;
    }
  };
}

async function keyOf({ keys }: Contract, request: HandlerRequest): Promise<unknown> {
  if (keys === undefined) return request.key;
  const checked = await validate(keys, request.key);
  if (checked.ok) return checked.value;
  throw unfit("key", 400, checked.issues);
}

async function inputOf({ input }: HandlerDefinition, { body }: HandlerRequest): Promise<unknown> {
  if (input === undefined) {
    if (body.byteLength === 0) return undefined;
    throw unfit("body", 422, [{ pointer: "", message: "must be empty: this handler takes no input" }]);
  }
  const decoded = await decodeWith(input, body);
  switch (decoded.kind) {
    case "value":
      return decoded.value;
    case "not-json":
      throw new TerminalError("body: not valid JSON", { status: 400 });
    case "unfit":
      throw unfit("body", 422, decoded.issues);
  }
}

function unfit(what: string, status: number, issues: readonly Issue[]): TerminalError {
  return new TerminalError(`${what}: ${issuesText(issues)}`, { status, details: { issues } });
}

async function replyOf(name: string, { output }: HandlerDefinition, value: unknown): Promise<HandlerReply> {
  if (output === undefined) return reply({});
  const encoded = await encodeWith(output, value);
  if (!encoded.ok) {
    throw new Error(`the output of ${name} does not fit its contract: ${issuesText(encoded.issues)}`);
  }
  const { text } = encoded;
  return text === undefined ? reply({}) : reply({ body: text, contentType: "application/json" });
}

async function checkDetails(
  name: string,
  { errors }: HandlerDefinition,
  { error, details }: Declared,
): Promise<void> {
  const schema = errors?.[error]?.details;
  if (schema === undefined) return;
  const encoded = await encodeWith(schema, details.details);
  if (encoded.ok) return;
  throw new Error(
    `the details of ${error} of ${name} do not fit its contract: ${issuesText(encoded.issues)}`,
  );
}
