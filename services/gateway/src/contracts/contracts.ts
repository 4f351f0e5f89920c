import {
  type Contract,
  decodeWith,
  type HandlerDefinition,
  type Issue,
  issuesText,
  validate,
} from "@shardcast/contract";
import { ShardcastError } from "@shardcast/protocol";

export interface Addressed {
  readonly service: string;
  readonly key: string;
  readonly handler: string;
}

type Definition = Pick<HandlerDefinition, "input">;

const EMPTY = new Uint8Array();

/** The contracts of the services that have one. */
export class Contracts {
  readonly #byService: ReadonlyMap<string, Contract>;

  constructor(contracts: readonly Contract[]) {
    this.#byService = new Map(contracts.map((contract) => [contract.service, contract]));
  }

  of(service: string): Contract | undefined {
    return this.#byService.get(service);
  }

  all(): readonly Contract[] {
    return [...this.#byService.values()];
  }

  /**
   * Checks a request before anything of it is on the log. Undefined where there is no contract, so that nobody waits.
   *
   * Rejects with SHARDCAST_UNKNOWN_HANDLER; SHARDCAST_INVALID_KEY, or SHARDCAST_INVALID_REQUEST with status 400 for what is no
   * JSON and 422 for other bodies, with `issues` that say where.
   */
  check(target: Addressed, body: Uint8Array | undefined): Promise<void> | undefined {
    const contract = this.#byService.get(target.service);
    return contract === undefined ? undefined : check(contract, target, body ?? EMPTY);
  }

  /** The same for a broadcast. Undefined also where the contract declares none, and says nothing of them. */
  checkBroadcast(target: Omit<Addressed, "key">, body: Uint8Array | undefined): Promise<void> | undefined {
    const { broadcasts = {} } = this.#byService.get(target.service) ?? {};
    if (Object.keys(broadcasts).length === 0) return undefined;
    return checkBroadcast(broadcasts, target, body ?? EMPTY);
  }
}

async function check(contract: Contract, { key, handler }: Addressed, body: Uint8Array): Promise<void> {
  const { service, handlers, keys } = contract;
  const definition = definitionOf("handler", handlers, { service, handler });
  if (keys !== undefined) {
    const checked = await validate(keys, key);
    if (!checked.ok) throw unfit("SHARDCAST_INVALID_KEY", 400, "key", checked.issues);
  }
  await checkBody(definition, body);
}

async function checkBroadcast(
  broadcasts: Readonly<Record<string, Definition>>,
  target: Omit<Addressed, "key">,
  body: Uint8Array,
): Promise<void> {
  await checkBody(definitionOf("broadcast", broadcasts, target), body);
}

function definitionOf<D extends Definition>(
  what: string,
  definitions: Readonly<Record<string, D>>,
  { service, handler }: Omit<Addressed, "key">,
): D {
  const definition = Object.hasOwn(definitions, handler) ? definitions[handler] : undefined;
  if (definition !== undefined) return definition;
  const why = handler === "" ? `a ${what} must be named` : `there is no ${what} ${handler}`;
  throw new ShardcastError("SHARDCAST_UNKNOWN_HANDLER", `${why}, says the contract of ${service}`);
}

async function checkBody({ input }: Definition, body: Uint8Array): Promise<void> {
  if (input === undefined) {
    if (body.byteLength === 0) return;
    const issues = [{ pointer: "", message: "must be empty: this handler takes no input" }];
    throw unfit("SHARDCAST_INVALID_REQUEST", 422, "body", issues);
  }
  const decoded = await decodeWith(input, body);
  switch (decoded.kind) {
    case "value":
      return;
    case "not-json":
      throw new ShardcastError("SHARDCAST_INVALID_REQUEST", "body: is not valid JSON");
    case "unfit":
      throw unfit("SHARDCAST_INVALID_REQUEST", 422, "body", decoded.issues);
  }
}

function unfit(
  code: "SHARDCAST_INVALID_KEY" | "SHARDCAST_INVALID_REQUEST",
  status: number,
  what: string,
  issues: readonly Issue[],
): ShardcastError {
  return new ShardcastError(code, `${what}: ${issuesText(issues)}`, { status, extensions: { issues } });
}
