import { get as getHttp } from "node:http";
import { get as getHttps } from "node:https";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { ContainerSpec, Handler, HttpGet } from "../../api/pod.ts";

/** Where and how a handler of a container is tried. */
export interface Target {
  readonly container: ContainerSpec;
  readonly podIP: string;
  /** Runs a command as in the container; its exit code. */
  exec(command: readonly string[], signal: AbortSignal): Promise<number>;
}

/** Does what a probe or a hook asks for. False when it fails or takes longer than the signal allows; never rejects. */
export async function tryHandler(handler: Handler, target: Target, signal: AbortSignal): Promise<boolean> {
  const { httpGet, tcpSocket, exec, sleep } = handler;
  try {
    if (httpGet !== undefined) return await answersWell(httpGet, target, signal);
    if (tcpSocket !== undefined) {
      return await canConnect(tcpSocket.host ?? target.podIP, portOf(tcpSocket.port, target), signal);
    }
    if (exec !== undefined) return (await target.exec(exec.command, signal)) === 0;
    if (sleep !== undefined) await delay(sleep.seconds * 1_000, undefined, { signal });
    return sleep !== undefined;
  } catch {
    return false;
  }
}

function answersWell(
  { host, port, path = "/", scheme, httpHeaders = [] }: HttpGet,
  target: Target,
  signal: AbortSignal,
): Promise<boolean> {
  const secure = scheme?.toUpperCase() === "HTTPS";
  const protocol = secure ? "https" : "http";
  const url = `${protocol}://${host ?? target.podIP}:${portOf(port, target)}${path}`;
  const headers = Object.fromEntries(httpHeaders.map(({ name, value }) => [name, value]));
  return new Promise((resolve) => {
    const options = { headers, agent: false, signal, rejectUnauthorized: false };
    (secure ? getHttps : getHttp)(url, options, (response) => {
      const { statusCode = 0 } = response;
      response.on("error", () => {}).resume();
      resolve(statusCode >= 200 && statusCode < 400);
    }).on("error", () => resolve(false));
  });
}

function canConnect(host: string, port: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, signal });
    const answer = (yes: boolean) => () => {
      socket.destroy();
      resolve(yes);
    };
    socket.once("connect", answer(true)).once("error", answer(false));
  });
}

function portOf(port: number | string, { container }: Target): number {
  if (typeof port === "number") return port;
  const named = container.ports?.find(({ name }) => name === port)?.containerPort;
  const number = named ?? Number(port);
  if (!Number.isInteger(number)) throw new Error(`no port ${port}`);
  return number;
}
