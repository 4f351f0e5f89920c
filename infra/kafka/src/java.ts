import { join } from "node:path";
import { runProcess } from "./run-process.ts";

export const minimumJava = 17;

export function javaCommand(): string {
  const home = process.env.JAVA_HOME;
  return home ? join(home, "bin", "java") : "java";
}

/** The major version of the Java found, or undefined when there is none. */
export async function javaVersion(): Promise<number | undefined> {
  try {
    const { stderr } = await runProcess(javaCommand(), ["-version"]);
    const major = /version "(\d+)/.exec(stderr)?.[1];
    return major === undefined ? undefined : Number(major);
  } catch {
    return undefined;
  }
}

export async function mavenInstalled(): Promise<boolean> {
  try {
    return (await runProcess("mvn", ["-v"])).code === 0;
  } catch {
    return false;
  }
}
