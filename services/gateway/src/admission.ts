import type { FastifyReply, FastifyRequest } from "fastify";
import type { Backend } from "./backend.ts";
import type { Visit, Visits } from "./visits.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Set on the routes of a service. */
    visit: Visit | null;
  }
}

export interface AdmissionParts {
  readonly backend: Backend;
  readonly visits: Visits;
}

/** Lets a request for a service in, or says why not: at the headers, before a byte of the body is read. */
export function admission({ backend, visits }: AdmissionParts) {
  return function admit<R extends { Params: { readonly service: string } }>(
    request: FastifyRequest<R>,
    reply: FastifyReply,
    done: (error?: Error) => void,
  ): void {
    try {
      const { service } = request.params as R["Params"];
      backend.assertOpen(service);
      request.visit = visits.begin(request.raw, reply.raw);
    } catch (error) {
      done(error as Error);
      return;
    }
    done();
  };
}

/** The same for broadcasts to a service, which may be served without. */
export function broadcastAdmission(parts: AdmissionParts) {
  const admit = admission(parts);
  return function admitBroadcast<R extends { Params: { readonly service: string } }>(
    request: FastifyRequest<R>,
    reply: FastifyReply,
    done: (error?: Error) => void,
  ): void {
    admit(request, reply, (error) => {
      if (error !== undefined) {
        done(error);
        return;
      }
      try {
        parts.backend.assertBroadcasts((request.params as R["Params"]).service);
      } catch (fault) {
        done(fault as Error);
        return;
      }
      done();
    });
  };
}
