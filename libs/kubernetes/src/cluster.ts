import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { HttpMethod, KubeConfig, loadYaml, RequestContext } from "@kubernetes/client-node";
import { ShardcastError } from "@shardcast/protocol";
import { Agent, type Dispatcher, request } from "undici";
import { ApiFault } from "./api-fault.ts";

const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
/** Of an answer that is none: enough for any Status. */
const MAX_FAULT_BYTES = 64_000;

export interface ClusterOptions {
  /** Default `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Where `.kube/config` is looked for. Default: the user's home. */
  readonly home?: string;
  /** Put before the path of the service account's files. Default none. */
  readonly root?: string;
}

/** The way to an API server. */
export class Cluster {
  /** Our own: the pod's, or that of the kubeconfig's context. */
  readonly namespace: string;
  readonly #config: KubeConfig;

  /**
   * Goes by `KUBECONFIG`, else by the pod's service account, else by the kubeconfig in the home. Asks nothing yet.
   *
   * @throws {ShardcastError} SHARDCAST_INVALID_CONFIG where there is none of them, or a bad one
   */
  constructor(options: ClusterOptions = {}) {
    const config = load(options);
    const server = config.getCurrentCluster()?.server;
    if (server === undefined || !URL.canParse(server))
      throw invalid("the current context names no API server");
    this.#config = config;
    const context = config.getContextObject(config.getCurrentContext());
    this.namespace = context?.namespace?.trim() || "default";
  }

  /**
   * Resolves with the answer's bytes as they come, when the API server has said 200. They must be read, to the end or
   * until the signal fires: the connection is theirs alone and ends with them.
   *
   * @throws {ApiFault} another status
   */
  async get(
    path: string,
    query: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Buffer>> {
    const server = this.#config.getCurrentCluster()?.server ?? "";
    const url = `${server.replace(/\/$/, "")}${path}?${new URLSearchParams(query)}`;
    const context = new RequestContext(url, HttpMethod.GET);
    // Each time: tokens are renewed in their files.
    await unless(signal, this.#config.applySecurityAuthentication(context));
    // One a request: an API server that went away silently would otherwise be asked over its dead connection.
    const dispatcher = context.getDispatcher() ?? new Agent();
    try {
      const headers = { ...context.getHeaders(), accept: "application/json", "user-agent": "shardcast" };
      const { statusCode, body } = await request(url, { dispatcher, headers, signal, bodyTimeout: 0 });
      if (statusCode !== 200) throw new ApiFault(statusCode, await messageOf(body));
      return readAll(body, dispatcher);
    } catch (error) {
      dispatcher.destroy().catch(() => {});
      throw error;
    }
  }
}

/** What comes of it; whoever lends us a token takes no signal, and may never answer. */
async function unless<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

async function* readAll(body: AsyncIterable<Buffer>, dispatcher: Dispatcher): AsyncGenerator<Buffer> {
  try {
    yield* body;
  } finally {
    dispatcher.destroy().catch(() => {});
  }
}

/** What a Status says; otherwise the text itself. */
async function messageOf(body: AsyncIterable<Buffer>): Promise<string> {
  let text = "";
  for await (const chunk of body) {
    text += chunk;
    if (text.length > MAX_FAULT_BYTES) break;
  }
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    if (typeof message === "string") return message;
  } catch {
    // From something between us and the API server.
  }
  return text.slice(0, 200);
}

function load({ env = process.env, home = homedir(), root = "" }: ClusterOptions): KubeConfig {
  const config = new KubeConfig();
  const files = (env.KUBECONFIG ?? "").split(delimiter).filter((file) => file !== "");
  const ofHome = join(home, ".kube", "config");
  try {
    if (files.length > 0) {
      for (const [index, file] of files.entries()) {
        if (index === 0) loadInto(config, file);
        else config.mergeConfig(loadInto(new KubeConfig(), file), true);
      }
    } else if (existsSync(`${root}${SERVICE_ACCOUNT}/token`)) config.loadFromCluster(root);
    else if (existsSync(ofHome)) loadInto(config, ofHome);
    else throw new Error("neither KUBECONFIG, nor a service account of a pod, nor a kubeconfig in the home");
  } catch (cause) {
    throw invalid((cause as Error).message, cause);
  }
  return config;
}

function loadInto(config: KubeConfig, file: string): KubeConfig {
  config.loadFromFile(file);
  // The client passes over `tokenFile`, and would ask as nobody. As client-go has it: it counts more than a token, is read again
  // when it is renewed, and may be relative to the kubeconfig.
  const { users } = loadYaml<{ users?: NamedUser[] }>(readFileSync(file, "utf8"));
  const tokenFiles = new Map((users ?? []).map(({ name, user }) => [name, user?.tokenFile]));
  config.users = config.users.map((user) => {
    const tokenFile = tokenFiles.get(user.name);
    if (tokenFile === undefined) return user;
    const { token: _, ...rest } = user;
    const path = resolve(dirname(file), tokenFile);
    return { ...rest, authProvider: { name: "tokenFile", config: { tokenFile: path } } };
  });
  return config;
}

interface NamedUser {
  readonly name: string;
  readonly user?: { readonly tokenFile?: string };
}

function invalid(why: string, cause?: unknown): ShardcastError {
  return new ShardcastError("SHARDCAST_INVALID_CONFIG", `no way to the Kubernetes API: ${why}`, { cause });
}
