import { once } from "node:events";
import { connect } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { startBoth } from "./support/gateway.ts";

/** Everything a connection hears after it said `parts`, each when what came so far matches its `after`. */
async function converse(port: number, parts: { after?: RegExp; say: string }[]): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  let heard = "";
  const next = () => {
    const [first] = parts;
    if (first === undefined || (first.after !== undefined && !first.after.test(heard))) return;
    parts.shift();
    socket.write(first.say);
    next();
  };
  socket.on("data", (bytes) => {
    heard += bytes.toString("latin1");
    next();
  });
  socket.on("error", () => {});
  next();
  await once(socket, "close");
  return heard;
}

const post = (path: string, more: string) => `POST ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;

it("an expectation of 100-continue in a pipeline does not spoil the answer before it", async () => {
  const { gateway } = await startBoth(({ body }) => ({ body }));
  const heard = await converse(gateway.port, [
    {
      say:
        `${post("/v1/accounts/keys/a", "Content-Length: 2\r\n")}ab` +
        `${post("/v1/accounts/keys/b", "Expect: 100-continue\r\nConnection: close\r\nContent-Length: 2\r\n")}cd`,
    },
  ]);
  const answers = heard.split(/(?=HTTP\/1\.1 )/).filter((answer) => !answer.startsWith("HTTP/1.1 100"));
  expect(answers.map((answer) => answer.slice(-2))).toEqual(["ab", "cd"]);
});

it("a request that was refused at its headers is not answered again when its body turns out broken", async () => {
  const { gateway } = await startBoth(() => ({}));
  const heard = await converse(gateway.port, [
    { say: post("/v1/nope/keys/k", "Transfer-Encoding: chunked\r\n") },
    { after: /"code":"SHARDCAST_UNKNOWN_SERVICE"/, say: "zz\r\n" },
  ]);
  expect(heard.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 404"]);
});
