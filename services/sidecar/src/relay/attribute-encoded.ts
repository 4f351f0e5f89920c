import { percentEncoded } from "@shardcast/protocol";

/** An attribute of a CloudEvent in a header (its HTTP binding, 3.1.3.2): printable ASCII but space, quote and percent as it is. */
export function attributeEncoded(text: string): string {
  return text.replaceAll(/[^\u0021\u0023\u0024\u0026-\u007e]/gu, (character) =>
    percentEncoded(Buffer.from(character)),
  );
}
