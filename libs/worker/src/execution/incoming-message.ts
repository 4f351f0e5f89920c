import type { UserHeaders } from "@shardcast/protocol";
import { TerminalError } from "../errors.ts";

/** The part of an envelope that handlers of requests and of broadcasts both get. */
export interface MessageEnvelope {
  readonly id: string;
  readonly handler: string;
  readonly contentType?: string;
  readonly headers: UserHeaders;
  readonly body: Buffer;
}

/** A handler's view of an envelope; text and JSON are made only when asked for. */
export class IncomingMessage {
  readonly id: string;
  readonly handler: string;
  readonly contentType: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;

  constructor(envelope: MessageEnvelope) {
    this.id = envelope.id;
    this.handler = envelope.handler;
    this.contentType = envelope.contentType;
    this.headers = envelope.headers;
    this.body = envelope.body;
  }

  text(): string {
    return this.body.toString("utf8");
  }

  json<T = unknown>(): T {
    try {
      return JSON.parse(this.text()) as T;
    } catch (cause) {
      throw new TerminalError("body: not valid JSON", { status: 400, cause });
    }
  }
}
