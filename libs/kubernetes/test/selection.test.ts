import { describe, expect, it } from "vitest";
import { labelSelectorOf } from "../src/selection.ts";

describe("a workload's selector", () => {
  it("is asked for as the API reads it", () => {
    const selector = {
      matchLabels: { app: "accounts", "bank.example/tier": "" },
      matchExpressions: [
        { key: "track", operator: "In", values: ["stable", "new"] },
        { key: "zone", operator: "NotIn", values: ["c"] },
        { key: "shard", operator: "Exists" },
        { key: "canary", operator: "DoesNotExist", values: [] },
      ],
    };
    const expected = "app=accounts,bank.example/tier=,track in (stable,new),zone notin (c),shard,!canary";
    expect(labelSelectorOf(selector)).toBe(expected);
  });

  it("is not widened by leaving out what is not understood", () => {
    const selector = { matchExpressions: [{ key: "size", operator: "Gt", values: ["3"] }] };
    expect(() => labelSelectorOf(selector)).toThrow('unknown operator "Gt"');
  });
});
