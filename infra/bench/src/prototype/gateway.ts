import { randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import { fastify } from "fastify";
import { bareKafka, DURABLE, PROMPT } from "../kafka.ts";
import { onStop, required, say } from "../processes/say.ts";
import { Batcher } from "./batcher.ts";

/** The path of a request in about a hundred lines: no deadlines, limits, errors or moves. What has to be beaten. */
const prefix = required("SHARDCAST_TOPIC_PREFIX");
const kafka = bareKafka("prototype-gateway");
const producer = kafka.producer(DURABLE);
const consumer = kafka.consumer({ ...PROMPT, groupId: `${prefix}prototype.gateway` });
const requests = new Batcher(producer, `${prefix}prototype.requests`, Number(required("LINGER_MS")));
const waiting = new Map<string, (body: Buffer | null) => void>();

const app = fastify();
app.removeAllContentTypeParsers();
app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
app.post<{ Params: { key: string } }>("/v1/:service/keys/:key", async (request, reply) => {
  const id = randomUUID();
  const answer = new Promise<Buffer | null>((resolve) => waiting.set(id, resolve));
  requests.add({ key: request.params.key, value: request.body as Buffer, headers: { id } });
  reply.header("content-type", "application/octet-stream");
  return answer;
});

onStop(async () => {
  await app.close();
  await consumer.disconnect();
  await producer.disconnect();
});
await producer.connect();
await consumer.connect();
await consumer.subscribe({ topics: [`${prefix}prototype.replies`], fromBeginning: true });
const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
await consumer.run({
  autoCommit: false,
  eachBatch: async ({ batch }) => {
    for (const { key, value } of batch.messages) {
      const id = String(key);
      waiting.get(id)?.(value);
      waiting.delete(id);
    }
  },
});
await joined;
await app.listen({ host: "127.0.0.1", port: 0 });
say({ kind: "ready", url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}` });
