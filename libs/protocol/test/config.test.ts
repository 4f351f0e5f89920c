import { describe, expect, test } from "vitest";
import { z } from "zod";
import { flag, resolveConfig, textList, wholeNumber } from "../src/index.ts";

const schema = z.object({
  lanes: wholeNumber(1, 1_000).default(12),
  brokers: textList(),
  verbose: flag().default(false),
  note: z.string().optional(),
});
const variables = { lanes: "SHARDCAST_LANES", brokers: "KAFKA_BROKERS", verbose: "SHARDCAST_VERBOSE" };

function resolve(options: Record<string, unknown>, env: Record<string, string | undefined> = {}) {
  return resolveConfig("worker", schema, variables, options, env);
}

describe("configuration", () => {
  test("an option beats the environment, which beats the default", () => {
    const brokers = ["a:9092"];
    expect(resolve({ brokers, lanes: 3 }, { SHARDCAST_LANES: "5" }).lanes).toBe(3);
    expect(resolve({ brokers }, { SHARDCAST_LANES: "5" }).lanes).toBe(5);
    expect(resolve({ brokers }).lanes).toBe(12);
  });

  test("an option that is false or 0 is one; undefined is not", () => {
    const env = { KAFKA_BROKERS: "a:9092", SHARDCAST_VERBOSE: "true" };
    expect(resolve({ verbose: false }, env).verbose).toBe(false);
    expect(resolve({ verbose: undefined }, env).verbose).toBe(true);
    expect(() => resolve({ lanes: 0 }, env)).toThrow(/lanes/);
  });

  test("an empty variable counts as unset", () => {
    expect(resolve({}, { KAFKA_BROKERS: "a:9092", SHARDCAST_LANES: "" }).lanes).toBe(12);
    expect(() => resolve({}, { KAFKA_BROKERS: "" })).toThrow(/KAFKA_BROKERS/);
  });

  test("all faults are reported together, each with its option and its variable", () => {
    const error = catchError(() =>
      resolve({ note: 3 }, { SHARDCAST_LANES: "many", SHARDCAST_VERBOSE: "perhaps" }),
    );
    expect(error).toMatchObject({
      code: "SHARDCAST_INVALID_CONFIG",
      message: expect.stringMatching(/^worker: /),
      extensions: {
        faults: [
          expect.stringContaining("lanes (SHARDCAST_LANES): "),
          expect.stringContaining("brokers (KAFKA_BROKERS): "),
          expect.stringContaining("verbose (SHARDCAST_VERBOSE): "),
          expect.stringMatching(/^note: /),
        ],
      },
    });
    for (const name of ["SHARDCAST_LANES", "KAFKA_BROKERS", "SHARDCAST_VERBOSE", "note"]) {
      expect(error.message).toContain(name);
    }
  });

  test("without an environment of its own it reads the process's", () => {
    const variable = "SHARDCAST_TEST_ONLY_LANES";
    process.env[variable] = "7";
    try {
      const only = z.object({ lanes: wholeNumber(1) });
      expect(resolveConfig("test", only, { lanes: variable }, {}).lanes).toBe(7);
    } finally {
      delete process.env[variable];
    }
  });
});

describe("values from the environment", () => {
  test.each([
    ["1", 1],
    ["1000", 1000],
  ])("whole number %s", (text, value) => {
    expect(wholeNumber(1, 1_000).parse(text)).toBe(value);
  });

  test.each(["0", "1001", "1.5", "", " ", "x", "1 2", "NaN", "Infinity"])(
    "no whole number in range: %j",
    (text) => {
      expect(wholeNumber(1, 1_000).safeParse(text).success).toBe(false);
    },
  );

  test("a list is split at commas, without blanks", () => {
    expect(textList().parse(" a:1 ,b:2,, ")).toEqual(["a:1", "b:2"]);
    expect(textList().parse(["a,b"])).toEqual(["a,b"]);
  });

  test.each([
    ["true", true],
    ["1", true],
    ["yes", true],
    ["on", true],
    ["false", false],
    ["0", false],
    ["no", false],
    ["off", false],
  ])("switch %s", (text, value) => {
    expect(flag().parse(text)).toBe(value);
  });
});

function catchError(run: () => unknown): Error {
  try {
    run();
  } catch (error) {
    return error as Error;
  }
  return expect.unreachable("nothing was thrown");
}
