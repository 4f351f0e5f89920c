import { describe, expect, it } from "vitest";
import { findImage } from "../src/kubelet/images.ts";
import { rewritten } from "../src/kubelet/volumes/paths.ts";
import { Addresses } from "../src/network/addresses.ts";
import { destinationsOf } from "../src/network/endpoints.ts";

const mounts = [
  { mountPath: "/etc/app", directory: "/real/app" },
  { mountPath: "/etc/app/tls/", directory: "/real/tls" },
];

describe("a path that a container knows", () => {
  it.each([
    ["/etc/app", "/real/app"],
    ["/etc/app/x.json", "/real/app/x.json"],
    ["/etc/app/tls/ca.crt", "/real/tls/ca.crt"],
    ["/etc/application/x", "/etc/application/x"],
    ["--config=/etc/app/x.json", "--config=/real/app/x.json"],
    ["-c=/etc/app", "-c=/real/app"],
    ["--data=@/etc/app/x.json", "--data=@/real/app/x.json"],
    ["see /etc/app", "see /etc/app"],
    ["a=b=/etc/app", "a=b=/etc/app"],
    ["http://x/etc/app", "http://x/etc/app"],
  ])("%s is %s here", (text, real) => {
    expect(rewritten(text, mounts)).toBe(real);
  });
});

describe("an image", () => {
  const program = (name: string) => ({ command: [name] });
  const images = {
    "r.example:5000/app": program("any"),
    "r.example:5000/app:2": program("two"),
    b: program("b"),
  };

  it.each([
    ["r.example:5000/app:2", "two"],
    ["r.example:5000/app:3", "any"],
    ["r.example:5000/app", "any"],
    ["b@sha256:00", "b"],
    ["b:1@sha256:00", "b"],
    ["c", undefined],
  ])("%s stands for %s", (image, name) => {
    expect(findImage(images, image)?.command[0]).toBe(name);
  });
});

describe("the addresses of a node", () => {
  it("are taken again as late as can be, and the wished one if it is free", () => {
    const addresses = new Addresses((fourth) => `10.1.1.${fourth}`);
    const first = addresses.take();
    addresses.giveBack(first);
    expect(addresses.take()).not.toBe(first);
    expect(addresses.take(first)).toBe(first);
    expect(addresses.take(first)).not.toBe(first);
    expect(addresses.take("10.9.9.9")).toMatch(/^10\.1\.1\./);
    for (let taken = 4; taken < 253; taken += 1) addresses.take();
    expect(() => addresses.take()).toThrow("taken");
    addresses.giveBack("10.1.1.77");
    expect(addresses.take()).toBe("10.1.1.77");
  });
});

describe("where a Service's connections go", () => {
  const metadata = { name: "s", uid: "u", resourceVersion: "1" };
  const endpoint = (address: string, ready: boolean, terminating = false) => ({
    addresses: [address],
    conditions: { ready, serving: ready || terminating, terminating },
  });
  const slice = (...endpoints: ReturnType<typeof endpoint>[]) => ({
    ...{ metadata, endpoints },
    ports: [{ name: "http", port: 8080 }],
  });

  it("is to ready endpoints, and to those that end only when there are no others", () => {
    const [ready, ending, unready] = [endpoint("a", true), endpoint("b", false, true), endpoint("c", false)];
    expect(destinationsOf([slice(ready, ending), slice(unready)], "http")).toEqual([
      { host: "a", port: 8080 },
    ]);
    expect(destinationsOf([slice(ending), slice(unready)], "http")).toEqual([{ host: "b", port: 8080 }]);
    expect(destinationsOf([slice(unready)], "http")).toEqual([]);
    expect(destinationsOf([slice(ready)], "other")).toEqual([]);
  });
});
