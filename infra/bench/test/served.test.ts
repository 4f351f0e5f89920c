import { expect, test } from "vitest";
import type { Sample } from "../src/paced/samples.ts";
import { ServedWatch } from "../src/paced/served.ts";

const OLD = 1;
const NEW = 2;
const sample = (lane: number, dueMs: number, answeredMs: number, by: number): Sample => ({
  lane,
  dueMs,
  answeredMs,
  by,
});

function watched(...known: Sample[]) {
  const samples = [...known];
  const watch = new ServedWatch(samples);
  return {
    watch,
    saw: (each: Sample) => {
      samples.push(each);
      watch.saw(each);
    },
  };
}

test("lanes are served again when the last of them had its first answer of another process", async () => {
  const { watch, saw } = watched();
  const served = watch.until({ lanes: [3, 4], afterMs: 100, notBy: OLD });
  saw(sample(3, 90, 200, NEW)); // sent before the fault
  saw(sample(3, 100, 210, OLD)); // still the old one
  saw(sample(5, 100, 220, NEW)); // another lane
  saw(sample(4, 110, 230, NEW));
  saw(sample(4, 120, 240, NEW));
  saw(sample(3, 101, 250, NEW));
  saw(sample(3, 102, 260, NEW));
  expect(await served).toBe(250);
});

test("answers that came before anybody asked count as well", async () => {
  const { watch } = watched(sample(3, 100, 150, OLD), sample(3, 110, 160, NEW), sample(3, 120, 170, NEW));
  expect(await watch.until({ lanes: [3], afterMs: 100, notBy: OLD })).toBe(160);
});
