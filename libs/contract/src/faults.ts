import { isHandlerName, isServiceName, MAX_HANDLER_LENGTH } from "@shardcast/protocol/errors";
import { isSchema } from "./schema.ts";

/** Names in code and documents, so letters and digits and little else. */
const ERROR_NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/;
/** Segments of a path that HTTP clients take for something else before they send it. */
const UNREACHABLE = new Set(["", ".", ".."]);

type Unchecked = Readonly<Record<string, unknown>>;

/** Everything that is wrong with a definition, each fault with where it is. Looks at values: callers may have no types. */
export function definitionFaults(service: unknown, definition: unknown): readonly string[] {
  const faults: string[] = [];

  function record(where: string, value: unknown): Unchecked {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Unchecked;
    faults.push(`${where}: must be an object`);
    return {};
  }

  function members(where: string, value: unknown, known: readonly string[]): Unchecked {
    const found = record(where, value);
    for (const name of Object.keys(found)) {
      if (!known.includes(name)) faults.push(`${where}.${name}: is none of ${known.join(", ")}`);
    }
    if (found.description !== undefined && typeof found.description !== "string") {
      faults.push(`${where}.description: must be text`);
    }
    return found;
  }

  function schema(where: string, value: unknown): void {
    if (value === undefined || isSchema(value)) return;
    faults.push(`${where}: must be a Standard Schema (https://standardschema.dev), e.g. of zod or valibot`);
  }

  function name(where: string, value: string): void {
    if (!isHandlerName(value)) {
      faults.push(
        `${where}: its name has at most ${MAX_HANDLER_LENGTH} characters, none of them a control character`,
      );
    }
    if (value.split("/").some((segment) => UNREACHABLE.has(segment))) {
      faults.push(`${where}: its name is a path without empty segments, '.' and '..'`);
    }
    // A client with a function of this name would be taken for a promise wherever it is awaited.
    if (value === "then") faults.push(`${where}: must have another name`);
  }

  function error(where: string, name: string, value: unknown): void {
    const { status, details } = members(where, value, ["description", "status", "details"]);
    if (!ERROR_NAME.test(name)) faults.push(`${where}: its name must match ${ERROR_NAME.source}`);
    if (!Number.isInteger(status) || (status as number) < 400 || (status as number) > 599) {
      faults.push(`${where}.status: must be a whole number from 400 to 599`);
    }
    schema(`${where}.details`, details);
  }

  if (typeof service !== "string" || !isServiceName(service)) {
    faults.push("service: must be a DNS label (lower-case letters, digits and '-', at most 63 characters)");
  }
  const { keys, handlers, broadcasts } = members("definition", definition, [
    "description",
    "keys",
    "handlers",
    "broadcasts",
  ]);
  schema("keys", keys);
  for (const [handler, value] of Object.entries(record("handlers", handlers))) {
    const where = `handlers.${handler}`;
    name(where, handler);
    const parts = members(where, value, ["description", "input", "output", "errors"]);
    schema(`${where}.input`, parts.input);
    schema(`${where}.output`, parts.output);
    for (const [each, declared] of Object.entries(record(`${where}.errors`, parts.errors ?? {}))) {
      error(`${where}.errors.${each}`, each, declared);
    }
  }
  const notified = Object.entries(record("broadcasts", broadcasts ?? {}));
  // A typed client has a function of this name that sends them.
  if (notified.length > 0 && Object.hasOwn(Object(handlers), "broadcast")) {
    faults.push("handlers.broadcast: must have another name where there are broadcasts");
  }
  for (const [broadcast, value] of notified) {
    const where = `broadcasts.${broadcast}`;
    name(where, broadcast);
    schema(`${where}.input`, members(where, value, ["description", "input"]).input);
  }
  return faults;
}
