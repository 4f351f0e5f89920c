import { defineConfig } from "vitest/config";

const folders = ["libs/*/test", "services/*/test", "infra/*/test", "test"];
const kafkaTests = folders.map((folder) => `${folder}/**/*.kafka.test.ts`);
const kubernetesTests = folders.map((folder) => `${folder}/**/*.kubernetes.test.ts`);

export default defineConfig({
  // Packages of this repository are tested from their sources, without a build. vitest hands these conditions to
  // its workers' Node as well, and so to what tests fork.
  ssr: { resolve: { conditions: ["@shardcast/source", "node", "development|production"] } },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: folders.map((folder) => `${folder}/**/*.test.ts`),
          exclude: [...kafkaTests, ...kubernetesTests],
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "kafka",
          include: kafkaTests,
          globalSetup: "test/kafka-global-setup.ts",
          // One broker and few cores: files at the same time would measure each other. So would the unit tests, which
          // therefore run before.
          fileParallelism: false,
          sequence: { groupOrder: 2 },
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: "kubernetes",
          include: kubernetesTests,
          globalSetup: "test/kubernetes-global-setup.ts",
          fileParallelism: false,
          sequence: { groupOrder: 3 },
          testTimeout: 120_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
