import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { javaVersion, mavenInstalled, minimumJava } from "./java.ts";
import { pomFile, repoRoot } from "./paths.ts";
import { runProcess, tail } from "./run-process.ts";

const downloadLimitMs = 300_000;

let jars: Promise<string> | undefined;

/**
 * The folder with the jars of the Kafka that pom.xml names, downloaded once into node_modules/.cache.
 * Throws with what to install when Java or Maven is missing.
 */
export function ensureKafkaJars(): Promise<string> {
  jars ??= findOrDownload().catch((error: unknown) => {
    jars = undefined;
    throw error;
  });
  return jars;
}

/** Whether `ensureKafkaJars` has what it needs on this machine (the download itself may still fail). */
export async function javaAvailable(): Promise<boolean> {
  return (await missing(await cacheDir())) === undefined;
}

async function findOrDownload(): Promise<string> {
  const cache = await cacheDir();
  const lack = await missing(cache);
  if (lack) throw new Error(lack);
  if (!isComplete(cache)) await download(cache);
  return join(cache, "libs");
}

async function cacheDir(): Promise<string> {
  const version = /<kafka\.version>(.+?)</.exec(await readFile(pomFile, "utf8"))?.[1];
  if (!version) throw new Error(`No <kafka.version> in ${pomFile}`);
  return join(repoRoot, "node_modules", ".cache", "shardcast", `kafka-${version}`);
}

async function missing(cache: string): Promise<string | undefined> {
  const java = await javaVersion();
  if (java === undefined || java < minimumJava) {
    const found = java === undefined ? "none was found" : `found ${java}`;
    return `Kafka on the local JVM needs a JDK of version ${minimumJava} or later (${found}): install one, and put java on the PATH or set JAVA_HOME`;
  }
  if (!isComplete(cache) && !(await mavenInstalled())) {
    return "Kafka's jars have not been downloaded yet and that needs Maven: install it, so that mvn is on the PATH";
  }
  return undefined;
}

const marker = (cache: string): string => join(cache, "complete");
const isComplete = (cache: string): boolean => existsSync(marker(cache));

/**
 * Downloads aside and renames, the marker written last: an interrupted download is done again, and of several
 * at the same time the first one in place is everyone's.
 */
async function download(cache: string): Promise<void> {
  await mkdir(dirname(cache), { recursive: true });
  const aside = await mkdtemp(`${cache}.part-`);
  try {
    const goal = ["dependency:copy-dependencies", "-DincludeScope=runtime"];
    const mvn = ["-q", "-B", "-f", pomFile, ...goal, `-DoutputDirectory=${join(aside, "libs")}`];
    const { code, stdout, stderr } = await runProcess("mvn", mvn, { timeoutMs: downloadLimitMs });
    if (code !== 0) throw new Error(`Maven could not download Kafka's jars:\n${tail(stdout + stderr)}`);
    await writeFile(marker(aside), "");
    await rename(aside, cache).catch(async (error: unknown) => {
      if (isComplete(cache)) return;
      if (!existsSync(cache)) throw error;
      // What stands there has no marker, so nobody uses it.
      await rm(cache, { recursive: true });
      await rename(aside, cache);
    });
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}
