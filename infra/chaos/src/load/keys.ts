import { murmur2Lane } from "@shardcast/routing";

/** Keys spread over all lanes, as many on each as on any other, or one more. */
export function spreadKeys(count: number, lanes: number): string[] {
  const most = Math.ceil(count / lanes);
  const onLane = new Array<number>(lanes).fill(0);
  const keys: string[] = [];
  for (let i = 0; keys.length < count; i++) {
    const key = `key-${i}`;
    const lane = murmur2Lane(key, lanes);
    if ((onLane[lane] as number) >= most) continue;
    onLane[lane] = (onLane[lane] as number) + 1;
    keys.push(key);
  }
  return keys;
}
