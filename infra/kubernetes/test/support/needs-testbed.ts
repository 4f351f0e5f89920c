import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach } from "vitest";
import { controlPlaneBinary, hasPodNetwork, startTestbed, type Testbed } from "../../src/index.ts";

const APP = fileURLToPath(new URL("app.ts", import.meta.url));
const IMAGES = {
  app: { command: [process.execPath, APP], env: { HOST: "$(POD_IP)" } },
  sh: { command: ["sh", "-c"] },
};

function missing(): string | undefined {
  if (controlPlaneBinary() === undefined)
    return "no control plane of our own: CTLPLANE_DIR has no bin/ctlplane";
  return hasPodNetwork() ? undefined : "no pod network: it needs Linux, `ip`, and CAP_NET_ADMIN";
}

/** One testbed for the tests of a file. Skips them, and says why, where there can be none. Returns how to get it. */
export function needsTestbed(): () => Testbed {
  const why = missing();
  let testbed: Testbed | undefined;
  if (why !== undefined) console.warn(`PROCESSES AS PODS ARE NOT TESTED HERE: ${why}`);
  beforeEach(({ skip }) => skip(why !== undefined, why));
  beforeAll(async () => {
    if (why === undefined) testbed = await startTestbed({ images: IMAGES });
  });
  afterAll(() => testbed?.stop());
  return () => testbed as Testbed;
}
