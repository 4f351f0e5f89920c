import type { AddressInfo } from "node:net";
import { fastify } from "fastify";
import { onStop, say } from "./say.ts";

/** Fastify alone, on the same route: what the HTTP of this machine costs. */
const app = fastify();
app.removeAllContentTypeParsers();
app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
app.post("/v1/:service/keys/:key", (request, reply) => {
  reply.header("content-type", "application/octet-stream").send(request.body);
});
onStop(() => app.close());
await app.listen({ host: "127.0.0.1", port: 0 });
say({ kind: "ready", url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}` });
