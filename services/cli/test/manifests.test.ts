import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { COMMANDS } from "../src/commands/all.ts";
import { GLOBAL } from "../src/config/common.ts";
import { resolveSettings } from "../src/config/resolve.ts";
import { EXIT_CODES } from "../src/index.ts";
import { parseArgs } from "../src/parse.ts";

function jobOf(file: string) {
  const manifest = parse(readFileSync(new URL(`../../../k8s/${file}`, import.meta.url), "utf8"));
  const { podFailurePolicy, template } = (manifest.kind === "CronJob" ? manifest.spec.jobTemplate : manifest)
    .spec;
  return { podFailurePolicy, pod: template.spec, container: template.spec.containers[0] };
}

const FILES = ["job-notify.yaml", "cronjob-notify.yaml"];

test.each(FILES)("%s gives up exactly on the exit codes that would come again", (file) => {
  const { podFailurePolicy, container } = jobOf(file);
  const [disruption, exitCodes] = podFailurePolicy.rules;
  const final = Object.values(EXIT_CODES).filter(({ code, again }) => code !== 0 && !again);
  expect(exitCodes).toEqual({
    action: "FailJob",
    onExitCodes: { containerName: container.name, operator: "In", values: final.map(({ code }) => code) },
  });
  expect(disruption).toEqual({ action: "Ignore", onPodConditions: [{ type: "DisruptionTarget" }] });
});

test.each(FILES)("%s calls the CLI as it is", async (file) => {
  const { container, pod } = jobOf(file);
  const parsed = await parseArgs(container.args, COMMANDS, "0");
  if (parsed.kind !== "run") throw new Error(`not a command: ${container.args}`);
  const env = Object.fromEntries(
    container.env.map(({ name, value }: { name: string; value?: string }) => [name, value ?? "from the pod"]),
  );
  const settings = { ...GLOBAL, ...parsed.command.settings };
  const options = resolveSettings(settings, parsed.flags, { env, cwd: "/nowhere" }) as Record<
    string,
    unknown
  >;
  expect(parsed.words).toEqual({ service: "accounts" });
  expect(options).toMatchObject({ gateway: "http://gateway:8080", ack: "all", wait: 120_000 });
  expect(options.idempotencyKey).toBeDefined();
  expect(pod.restartPolicy).toBe("Never");
});

test.each(FILES)("%s names the broadcast after the run of its Job (C5)", (file) => {
  const { container } = jobOf(file);
  const name = container.env.find(({ name }: { name: string }) => name === "SHARDCAST_JOB_NAME");
  expect(name.valueFrom.fieldRef.fieldPath).toBe("metadata.labels['batch.kubernetes.io/job-name']");
});

test.each(FILES)("%s needs no rights: not root, nothing to write, no token", (file) => {
  const { container, pod } = jobOf(file);
  expect(pod).toMatchObject({ automountServiceAccountToken: false, securityContext: { runAsNonRoot: true } });
  expect(container.securityContext).toEqual({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
  });
  expect(container.resources.limits.memory).toBeDefined();
});
