import { join } from "node:path";

const packageRoot = join(import.meta.dirname, "..");

export const repoRoot = join(packageRoot, "..", "..");
export const pomFile = join(packageRoot, "pom.xml");
export const murmur2Source = join(packageRoot, "java", "Murmur2.java");
export const brokerLogging = join(packageRoot, "config", "broker-log4j2.properties");
export const toolLogging = join(packageRoot, "config", "tool-log4j2.properties");
