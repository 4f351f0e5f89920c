import { once } from "node:events";
import { connect, type Socket } from "node:net";

export interface Answer {
  readonly status: number;
  readonly body: string;
}

const ANSWER_LIMIT_MS = 35_000;
const LENGTH = /\r\ncontent-length: *([0-9]+)/i;
const HEAD_END = "\r\n\r\n";

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/**
 * One HTTP caller on one keep-alive connection, one request at a time. A bare socket, because generator, broker,
 * gateway and workers share the cores: a general HTTP client costs about as much as what is measured. It reads only
 * what the servers here send: answers with Content-Length.
 */
export class Caller {
  readonly #socket: Socket;
  #waiting: Waiting | undefined;
  #received = "";

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setTimeout(ANSWER_LIMIT_MS, () => this.#fail(new Error(`no answer within ${ANSWER_LIMIT_MS} ms`)));
    socket.on("data", (chunk) => this.#onData(chunk));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("the connection was closed")));
  }

  static async connect(host: string, port: number): Promise<Caller> {
    const socket = connect(port, host);
    await once(socket, "connect");
    return new Caller(socket);
  }

  /** It takes no more requests. */
  get closed(): boolean {
    return this.#socket.destroyed;
  }

  /** Sends an ASCII body, with these header lines, each with its CRLF. */
  post(path: string, body: string, headers = ""): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) {
        reject(new Error("the connection is closed"));
        return;
      }
      this.#waiting = { resolve, reject };
      this.#socket.write(
        `POST ${path} HTTP/1.1\r\nhost: bench\r\ncontent-type: text/plain\r\ncontent-length: ${body.length}\r\n${headers}\r\n${body}`,
        "latin1",
      );
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #onData(chunk: Buffer): void {
    this.#received += chunk.toString("latin1");
    const headEnd = this.#received.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const head = this.#received.slice(0, headEnd);
    const length = Number(LENGTH.exec(head)?.[1]);
    if (Number.isNaN(length)) {
      this.#fail(new Error(`an answer without Content-Length: ${head.slice(0, 300)}`));
      return;
    }
    const end = headEnd + HEAD_END.length + length;
    if (this.#received.length < end) return;
    if (this.#received.length > end || this.#waiting === undefined) {
      this.#fail(new Error("more was answered than was asked"));
      return;
    }
    const body = this.#received.slice(headEnd + HEAD_END.length);
    const { resolve } = this.#waiting;
    this.#waiting = undefined;
    this.#received = "";
    resolve({ status: Number(head.slice(9, 12)), body });
  }

  #fail(error: Error): void {
    this.#socket.destroy();
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }
}
