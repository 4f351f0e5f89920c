import type { ReadBy, Schema, SentBy } from "./schema.ts";

/** A refusal that callers can expect of a handler. */
export interface ErrorDefinition {
  readonly description?: string;
  /** HTTP status, 400 to 599. */
  readonly status: number;
  /** What the caller is told beside the name. */
  readonly details?: Schema;
}

export interface HandlerDefinition {
  readonly description?: string;
  /** Of the JSON body; without it the body is empty. */
  readonly input?: Schema;
  /** Of the JSON answer; without it there is none, and the status is 204. */
  readonly output?: Schema;
  /** By name. */
  readonly errors?: Readonly<Record<string, ErrorDefinition>>;
}

export interface BroadcastDefinition {
  readonly description?: string;
  readonly input?: Schema;
}

/** What a service understands. */
export interface ServiceDefinition {
  readonly description?: string;
  /** Of the shard key as text; any key without it. */
  readonly keys?: Schema<string>;
  /** By name, as it is in the path. */
  readonly handlers: Readonly<Record<string, HandlerDefinition>>;
  /** What all replicas can be notified of (C6), by name. */
  readonly broadcasts?: Readonly<Record<string, BroadcastDefinition>>;
}

/** A definition that was checked, with the service's name. Made by `defineService`. */
export type Contract<D extends ServiceDefinition = ServiceDefinition> = D & { readonly service: string };

export type HandlerName<C extends Contract> = keyof C["handlers"] & string;

// Each of these has two sides, since a schema may change what it reads (a default, a date out of a text). What is sent is
// what the schema takes in; it is read once, where it arrives.

export type KeySent<C extends Contract> = C extends { readonly keys: infer S extends Schema<string> }
  ? SentBy<S>
  : string | Uint8Array;

export type KeyRead<C extends Contract> = C extends { readonly keys: infer S extends Schema<string> }
  ? ReadBy<S>
  : string;

/** `undefined` where the handler takes no input. */
export type InputSent<C extends Contract, H extends HandlerName<C>> = C["handlers"][H] extends {
  readonly input: infer S extends Schema;
}
  ? SentBy<S>
  : undefined;

export type InputRead<C extends Contract, H extends HandlerName<C>> = C["handlers"][H] extends {
  readonly input: infer S extends Schema;
}
  ? ReadBy<S>
  : undefined;

/** `void` where the handler has no output. */
export type OutputSent<C extends Contract, H extends HandlerName<C>> = C["handlers"][H] extends {
  readonly output: infer S extends Schema;
}
  ? SentBy<S>
  : // biome-ignore lint/suspicious/noConfusingVoidType: so that a handler may return nothing
    void;

export type OutputRead<C extends Contract, H extends HandlerName<C>> = C["handlers"][H] extends {
  readonly output: infer S extends Schema;
}
  ? ReadBy<S>
  : undefined;

/** The errors that a handler declares. */
type ErrorsOf<C extends Contract, H extends HandlerName<C>> = C["handlers"][H] extends {
  readonly errors: infer E extends Readonly<Record<string, ErrorDefinition>>;
}
  ? E
  : Readonly<Record<never, never>>;

export type ErrorName<C extends Contract, H extends HandlerName<C>> = keyof ErrorsOf<C, H> & string;

/** `undefined` where the error declares no details. */
export type DetailsSent<C extends Contract, H extends HandlerName<C>, N extends ErrorName<C, H>> = ErrorsOf<
  C,
  H
>[N] extends { readonly details: infer S extends Schema }
  ? SentBy<S>
  : undefined;

export type DetailsRead<C extends Contract, H extends HandlerName<C>, N extends ErrorName<C, H>> = ErrorsOf<
  C,
  H
>[N] extends { readonly details: infer S extends Schema }
  ? ReadBy<S>
  : undefined;

/** The broadcasts that a contract declares. */
type BroadcastsOf<C extends Contract> = C extends {
  readonly broadcasts: infer B extends Readonly<Record<string, BroadcastDefinition>>;
}
  ? B
  : Readonly<Record<never, never>>;

export type BroadcastName<C extends Contract> = keyof BroadcastsOf<C> & string;

/** `undefined` where the broadcast takes no input. */
export type BroadcastSent<C extends Contract, B extends BroadcastName<C>> = BroadcastsOf<C>[B] extends {
  readonly input: infer S extends Schema;
}
  ? SentBy<S>
  : undefined;

export type BroadcastRead<C extends Contract, B extends BroadcastName<C>> = BroadcastsOf<C>[B] extends {
  readonly input: infer S extends Schema;
}
  ? ReadBy<S>
  : undefined;
