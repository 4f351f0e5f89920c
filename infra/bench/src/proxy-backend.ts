import { type AddressInfo, createServer } from "node:net";
import { onStop, say } from "./processes/say.ts";

/** The least that answers: what is measured is what stands before it. Requests have no bodies. */
const ANSWER = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 7\r\n\r\nanswer\n";
const HEAD_END = "\r\n\r\n";

const server = createServer({ noDelay: true }, (socket) => {
  let rest = "";
  socket.setEncoding("latin1");
  socket.on("error", () => socket.destroy());
  socket.on("data", (text: string) => {
    const heads = (rest + text).split(HEAD_END);
    rest = heads.pop() as string;
    if (heads.length > 0) socket.write(ANSWER.repeat(heads.length), "latin1");
  });
});
onStop(async () => {
  server.close();
});
server.listen(0, "127.0.0.1", () => {
  say({ kind: "ready", url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
});
