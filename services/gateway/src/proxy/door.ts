import { ShardcastError } from "@shardcast/protocol";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Backend } from "../backend.ts";
import type { ResolvedGatewayOptions } from "../options.ts";
import type { Visits } from "../visits.ts";
import { bodyFor } from "./body.ts";
import type { RequestHeaders } from "./headers.ts";
import { after, pathOf } from "./path.ts";
import type { KeyRoute, Proxied } from "./proxied.ts";
import type { RuleRouter } from "./rules/router.ts";

export interface DoorParts {
  readonly settings: ResolvedGatewayOptions;
  readonly backend: Backend;
  readonly visits: Visits;
  readonly headers: RequestHeaders;
  readonly router: RuleRouter;
}

type Done = (error?: Error) => void;

/** `/v1/{service}/proxy/{key}`: what follows is the owner's path. */
const OWN_SEGMENTS = 4;

/** Lets in what is to be proxied, by its head alone: hooks of routes. */
export class Door {
  readonly #parts: DoorParts;

  constructor(parts: DoorParts) {
    this.#parts = parts;
  }

  /** To `/v1/{service}/proxy/{key}/…`. */
  readonly admitKey = (request: FastifyRequest<KeyRoute>, reply: FastifyReply, done: Done): void => {
    try {
      const { backend, settings } = this.#parts;
      const { service } = request.params;
      backend.assertServed(service);
      if (Array.isArray(settings.proxy) && !settings.proxy.includes(service))
        throw new ShardcastError("SHARDCAST_NOT_FOUND", `nothing is proxied to ${service} here`);
      const path = after(pathOf(request.raw.url ?? ""), OWN_SEGMENTS);
      this.#admit(request as FastifyRequest, reply, { path, rule: undefined });
    } catch (error) {
      done(error as Error);
      return;
    }
    done();
  };

  /** To any other path, by a rule. */
  readonly admitRule = (request: FastifyRequest, reply: FastifyReply, done: Done): void => {
    try {
      const url = request.raw.url ?? "";
      // What no rule is about gets the usual answer, however odd its path.
      const query = url.indexOf("?");
      const rule = this.#parts.router.find(request, query === -1 ? url : url.slice(0, query));
      if (rule === undefined) throw new ShardcastError("SHARDCAST_NOT_FOUND", "no such route");
      const { service } = rule.rule;
      if (service === undefined) this.#parts.backend.assertTaking();
      else this.#parts.backend.assertServed(service);
      this.#admit(request, reply, { path: pathOf(url), rule });
    } catch (error) {
      done(error as Error);
      return;
    }
    done();
  };

  #admit(request: FastifyRequest, reply: FastifyReply, way: Pick<Proxied, "path" | "rule">): void {
    const { headers, visits } = this.#parts;
    headers.assertNoLoop(request.raw);
    bodyFor(request.raw);
    request.visit = visits.begin(request.raw, reply.raw);
    // What goes through is not held.
    request.visit.hold(0);
    request.proxied = { ...way, caller: reply.raw };
  }
}
