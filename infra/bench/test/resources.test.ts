import { expect, test } from "vitest";
import { Resources } from "../src/resources.ts";

function recorder() {
  const stopped: string[] = [];
  const resource = (name: string) => ({
    stop: async () => {
      stopped.push(name);
    },
  });
  return { stopped, resource };
}

test("everything is stopped, the last one first, and once", async () => {
  const { stopped, resource } = recorder();
  const resources = new Resources();
  resources.add(resource("broker"));
  resources.add(resource("gateway"));
  await resources.close();
  await resources.close();
  expect(stopped).toEqual(["gateway", "broker"]);
});

test("what an interrupted bench starts after the end is stopped at once, and the bench told", async () => {
  const { stopped, resource } = recorder();
  const resources = new Resources();
  await resources.close();
  expect(() => resources.add(resource("late worker"))).toThrow("the bench is over");
  expect(stopped).toEqual(["late worker"]);
});
