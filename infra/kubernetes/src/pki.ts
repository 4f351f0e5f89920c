import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const openssl = (args: readonly string[]) => run("openssl", args);
const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
const NAMES = "DNS:localhost,DNS:kubernetes,DNS:kubernetes.default.svc,IP:127.0.0.1";

/** Makes what the components know each other by: `ca`, `apiserver`, `admin` (.crt, .key) and `sa` (.key, .pub). `serviceIp` is the API server's own Service's. */
export async function makePki(dir: string, serviceIp: string): Promise<void> {
  const at = (name: string) => join(dir, name);
  const authority = ["req", "-x509", ...KEY, "-keyout", at("ca.key"), "-out", at("ca.crt"), "-days", "2"];
  await openssl([...authority, "-subj", "/CN=test-ca", "-addext", "keyUsage=critical,keyCertSign,cRLSign"]);
  await certificate(
    dir,
    "apiserver",
    "/CN=kube-apiserver",
    `extendedKeyUsage=serverAuth\nsubjectAltName=${NAMES},IP:${serviceIp}`,
  );
  await certificate(dir, "admin", "/O=system:masters/CN=admin", "extendedKeyUsage=clientAuth");
  await openssl(["genrsa", "-out", at("sa.key"), "2048"]);
  await openssl(["rsa", "-in", at("sa.key"), "-pubout", "-out", at("sa.pub")]);
}

async function certificate(dir: string, name: string, subject: string, extensions: string): Promise<void> {
  const at = (suffix: string) => join(dir, `${name}.${suffix}`);
  await openssl(["req", ...KEY, "-keyout", at("key"), "-out", at("csr"), "-subj", subject]);
  await writeFile(at("ext"), `${extensions}\n`);
  const ca = ["-CA", join(dir, "ca.crt"), "-CAkey", join(dir, "ca.key"), "-CAcreateserial"];
  const request = ["x509", "-req", "-in", at("csr"), ...ca, "-days", "2", "-extfile", at("ext")];
  await openssl([...request, "-out", at("crt")]);
}

/** The administrator's way in. JSON is YAML. */
export async function kubeconfigOf(dir: string, server: string): Promise<string> {
  const data = async (name: string) => (await readFile(join(dir, name))).toString("base64");
  const cluster = { server, "certificate-authority-data": await data("ca.crt") };
  const user = {
    "client-certificate-data": await data("admin.crt"),
    "client-key-data": await data("admin.key"),
  };
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "test", cluster }],
    users: [{ name: "admin", user }],
    contexts: [{ name: "test", context: { cluster: "test", user: "admin" } }],
    "current-context": "test",
  });
}
