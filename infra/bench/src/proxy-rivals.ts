import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "@shardcast/infra-kafka";
import type { Resources } from "./resources.ts";

/** A reverse proxy of Debian, as its documentation would have it set up for this. */
interface Rival {
  readonly name: string;
  readonly command: string;
  readonly args: (folder: string) => readonly string[];
  readonly file: string;
  readonly config: (port: number, hosts: readonly string[], folder: string) => string;
}

const START_LIMIT_MS = 10_000;

/** Workers on every core, as they are deployed; consistent hash on a header, connections to backends kept. */
export const RIVALS: readonly Rival[] = [
  {
    name: "nginx",
    command: "nginx",
    file: "nginx.conf",
    args: (folder) => ["-p", folder, "-e", "stderr", "-c", join(folder, "nginx.conf")],
    config: (port, hosts, folder) => `
daemon off; worker_processes auto; pid ${folder}/nginx.pid; error_log stderr crit;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 1000000000;
  ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `${kind}_temp_path ${folder}/${kind};`).join(" ")}
  upstream backends {
    hash $http_x_key consistent;
    ${hosts.map((host) => `server ${host};`).join(" ")}
    keepalive 128; keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port} reuseport;
    location / {
      proxy_pass http://backends; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }
  }
}
`,
  },
  {
    name: "haproxy",
    command: "haproxy",
    file: "haproxy.cfg",
    args: (folder) => ["-db", "-q", "-f", join(folder, "haproxy.cfg")],
    config: (port, hosts) => `
global
  nbthread ${availableParallelism()}
  maxconn 4096
defaults
  mode http
  option forwardfor
  http-reuse always
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend all
  bind 127.0.0.1:${port}
  default_backend backends
backend backends
  balance hdr(x-key)
  hash-type consistent
${hosts.map((host, i) => `  server backend${i} ${host}`).join("\n")}
`,
  },
];

/** Where it listens; undefined where it is not installed. */
export async function startRival(
  { name, command, args, file, config }: Rival,
  backends: readonly string[],
  resources: Resources,
): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), `bench-${name}-`));
  resources.add({ stop: () => rm(folder, { recursive: true, force: true }) });
  const port = await freePort();
  const hosts = backends.map((url) => new URL(url).host);
  await writeFile(join(folder, file), config(port, hosts, folder));
  // Of Debian, where /usr/sbin is not in everybody's path.
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
  const child = spawn(command, args(folder), { env, stdio: ["ignore", 2, 2] });
  const failed = once(child, "error").then(() => "not installed" as const);
  const ended = once(child, "exit");
  ended.catch(() => {});
  const started = await Promise.race([failed, listens(port).then(() => "started" as const)]);
  if (started !== "started") return undefined;
  resources.add({
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  });
  return `http://127.0.0.1:${port}`;
}

async function listens(port: number): Promise<void> {
  const endMs = performance.now() + START_LIMIT_MS;
  while (performance.now() < endMs) {
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "connect");
      return;
    } catch {
      await sleep(20);
    } finally {
      socket.destroy();
    }
  }
  throw new Error(`nothing listens within ${START_LIMIT_MS} ms`);
}
