import { describe, expect, it } from "vitest";
import { EMPTY_VIEW, type Seen, viewOf } from "../src/member-view.ts";
import { type Pod, type RawPod, trimPod } from "../src/pod.ts";
import { podObject } from "./support/objects.ts";

const set = { replicas: 2, start: 0, serviceName: "accounts", labelSelector: "app=accounts" };

/** As it is read, again at each call. */
function pods(ready = true): Map<string, Pod> {
  const names = ["accounts-0", "accounts-1"];
  return new Map(names.map((name) => [name, trimPod(podObject(name, 1, { ready }) as RawPod)]));
}

function seen(over: Partial<Seen> = {}): Seen {
  const names = { namespace: "bank", name: "accounts", clusterDomain: "cluster.local" };
  return { ...names, set, pods: pods(), published: new Set(), ...over };
}

describe("a view of the members' pods", () => {
  it("is the last one where nothing that is read has changed, though all was read anew", () => {
    const first = viewOf(seen(), EMPTY_VIEW);
    expect(first.pods).toHaveLength(2);
    const second = viewOf(seen({ published: new Set(["uid-of-others"]) }), first);
    expect(second.pods).toBe(first.pods);
    // Also of what was read in between.
    expect(viewOf(seen(), second).pods).toBe(first.pods);
  });

  it.each([
    ["a pod", { pods: pods(false) }],
    ["what is published", { published: new Set(["uid-of-accounts-1"]) }],
    ["the first ordinal", { set: { ...set, start: 1 } }],
    ["who is there", { pods: new Map([...pods()].slice(0, 1)) }],
    ["nobody", { pods: new Map() }],
  ])("is another one when it is of %s", (_, over: Partial<Seen>) => {
    const first = viewOf(seen(), EMPTY_VIEW);
    expect(viewOf(seen(over), first).pods).not.toBe(first.pods);
  });
});
