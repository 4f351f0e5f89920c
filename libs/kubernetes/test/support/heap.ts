import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Bytes that are in use when nothing is left to be collected. */
export async function heapUsed(): Promise<number> {
  for (let round = 0; round < 4; round++) {
    collectGarbage();
    // What has ended lets go of its memory in its own turn.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage().heapUsed;
}
