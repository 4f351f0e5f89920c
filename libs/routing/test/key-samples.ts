/** Keys worth trying against Kafka's murmur2, the same ones at every run. */
export function sampleKeys(random: number): Buffer[] {
  return [...chosenKeys(), ...randomKeys(random)];
}

/** The edges: every length of tail, bytes that are negative in Java, text beyond ASCII, the longest key. */
export function chosenKeys(): Buffer[] {
  const texts = ["", "a", "account-17", "größe", "日本語", "👩‍👩‍👧", "\u0000", "key with spaces", "4711"];
  const lengths = Array.from({ length: 17 }, (_, i) => i + 1);
  return [
    ...texts.map((text) => Buffer.from(text)),
    ...lengths.map((length) => Buffer.from("abcdefghijklmnopq".slice(0, length))),
    ...lengths.map((length) => Buffer.alloc(length, 0xff)),
    ...lengths.map((length) => Buffer.from(Array.from({ length }, (_, i) => 0x80 + i))),
    Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
    Buffer.alloc(4096, "4 KB "),
    Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 151) & 0xff)),
  ];
}

function randomKeys(count: number): Buffer[] {
  const next = mulberry32(20_240_117);
  return Array.from({ length: count }, () => {
    const kind = next() % 4;
    if (kind === 0) return Buffer.from(String(next()));
    if (kind === 1)
      return Buffer.from(String.fromCodePoint(...Array.from({ length: next() % 12 }, () => letter(next()))));
    const length = kind === 2 ? next() % 64 : next() % 512;
    return Buffer.from(Array.from({ length }, () => next() & 0xff));
  });
}

/** A code point that is not half of a surrogate pair. */
function letter(random: number): number {
  const point = random % 0x110000;
  return point >= 0xd800 && point < 0xe000 ? 0x00e9 : point;
}

/** A small seeded generator of 32-bit numbers (public domain, by Tommy Ettinger). */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}
