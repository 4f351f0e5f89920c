import { readFile } from "node:fs/promises";
import { get as getHttp } from "node:http";
import { get as getHttps, type RequestOptions } from "node:https";
import { join } from "node:path";

const LIMIT_MS = 2_000;

/** Whether what lies under the URL is there. */
export async function answers(url: string, options: RequestOptions = {}): Promise<boolean> {
  const get = url.startsWith("https:") ? getHttps : getHttp;
  return new Promise((resolve) => {
    // No connection is kept: the next process on this port would be asked over the last one's.
    get(url, { ...options, agent: false, timeout: LIMIT_MS }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    })
      .on("timeout", function (this: { destroy(): void }) {
        this.destroy();
      })
      .on("error", () => resolve(false));
  });
}

/** With which the API server believes that we are the administrator. */
export async function adminOf(pki: string): Promise<{ ca: Buffer; cert: Buffer; key: Buffer }> {
  const of = (name: string) => readFile(join(pki, name));
  return { ca: await of("ca.crt"), cert: await of("admin.crt"), key: await of("admin.key") };
}
