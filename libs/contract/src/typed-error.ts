import { ShardcastError } from "@shardcast/protocol/errors";
import type { Contract, DetailsRead, ErrorName, HandlerName } from "./contract.ts";

const TYPED = Symbol.for("shardcast.typed-error");

/** A refusal that the contract declares. Recognise it by {@link isTypedError}, which also tells its types. */
export class TypedError<Name extends string = string, Details = unknown> extends ShardcastError {
  readonly [TYPED] = true;
  /** As declared. */
  override readonly name: Name;
  /** As the contract's schema reads them; undefined where it declares none. */
  readonly details: Details;
  readonly service: string;
  readonly handler: string;

  constructor(service: string, handler: string, name: Name, details: Details, refused: ShardcastError) {
    const { code, message, status, extensions } = refused;
    super(code, message, { status, extensions, cause: refused });
    this.name = name;
    this.details = details;
    this.service = service;
    this.handler = handler;
  }
}

/** Every error that a handler declares: switch on its `name`. */
export type TypedErrorOf<C extends Contract, H extends HandlerName<C>> = {
  [N in ErrorName<C, H>]: TypedError<N, DetailsRead<C, H, N>>;
}[ErrorName<C, H>];

/** True for a declared error of this handler, from any copy of this package. */
export function isTypedError<C extends Contract, H extends HandlerName<C>>(
  error: unknown,
  contract: C,
  handler: H,
): error is TypedErrorOf<C, H> {
  if (typeof error !== "object" || error === null) return false;
  const { [TYPED]: typed, service, handler: of } = error as Partial<TypedError>;
  return typed === true && service === contract.service && of === handler;
}
