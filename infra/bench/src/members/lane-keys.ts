import type { Target } from "../paced/run.ts";

const KEYS_PER_LANE = 3;
const MAX_KEYS = 100_000;

/** Some keys of each lane, lane by lane in turn, as the gateway's directory tells them. */
export async function keysOfLanes(url: string, lanes: number): Promise<Target[]> {
  const found = Array.from({ length: lanes }, (): Target[] => []);
  let missing = lanes * KEYS_PER_LANE;
  for (let i = 0; missing > 0; i++) {
    if (i === MAX_KEYS) throw new Error(`${MAX_KEYS} keys, and some lane still without enough`);
    const key = `key-${i}`;
    const answer = await fetch(`${url}/v1/bench/keys/${key}`);
    if (!answer.ok) throw new Error(`the directory said ${answer.status}: ${await answer.text()}`);
    const { lane } = (await answer.json()) as { lane: number };
    const keys = found[lane];
    if (keys === undefined) throw new Error(`the directory put ${key} on lane ${lane} of ${lanes}`);
    if (keys.length === KEYS_PER_LANE) continue;
    keys.push({ lane, key });
    missing--;
  }
  return Array.from({ length: KEYS_PER_LANE }, (_, turn) => found.flatMap((keys) => keys[turn] ?? [])).flat();
}
