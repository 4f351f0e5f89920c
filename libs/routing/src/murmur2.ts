/**
 * Kafka's murmur2, 32 bit, as `org.apache.kafka.common.utils.Utils.murmur2` computes it.
 * Source: https://github.com/apache/kafka, clients/src/main/java/org/apache/kafka/common/utils/Utils.java
 */

const SEED = 0x9747b28c;
const M = 0x5bd1e995;
const R = 24;

/** The hash of `data` as a signed 32-bit integer, the same number Java returns. */
export function murmur2(data: Uint8Array): number {
  const length = data.length;
  const tail = length & ~3;
  let h = SEED ^ length;
  for (let i = 0; i < tail; i += 4) {
    let k =
      (data[i] as number) |
      ((data[i + 1] as number) << 8) |
      ((data[i + 2] as number) << 16) |
      ((data[i + 3] as number) << 24);
    k = Math.imul(k, M);
    k ^= k >>> R;
    h = Math.imul(h, M) ^ Math.imul(k, M);
  }
  const rest = length - tail;
  if (rest >= 3) h ^= (data[tail + 2] as number) << 16;
  if (rest >= 2) h ^= (data[tail + 1] as number) << 8;
  if (rest >= 1) {
    h ^= data[tail] as number;
    h = Math.imul(h, M);
  }
  h ^= h >>> 13;
  h = Math.imul(h, M);
  return h ^ (h >>> 15);
}
