/** RFC 6455, 5.2: two bytes say how many follow before the payload. */
const SHORT = 125;
const MEDIUM = 126;
const GOING_AWAY = 1001;

/** Follows one direction of a WebSocket, to know where a frame of our own may stand between those of others. */
export class Frames {
  /** Bytes of the frame's head as far as they came; it has at most 14. */
  readonly #head = Buffer.alloc(14);
  #headLength = 0;
  /** Bytes of the payload that are to come. */
  #left = 0;

  /** Whether the next byte begins a frame. */
  get between(): boolean {
    return this.#headLength === 0 && this.#left === 0;
  }

  /** Takes the next bytes. Returns after how many of them a frame first ended; -1 if none did. */
  push(chunk: Buffer): number {
    let first = -1;
    for (let at = 0; at < chunk.byteLength; ) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, chunk.byteLength - at);
        this.#left -= taken;
        at += taken;
      } else {
        this.#head[this.#headLength++] = chunk[at++] as number;
        if (this.#headLength < this.#headSize()) continue;
        this.#left = this.#payload();
        this.#headLength = 0;
      }
      if (first === -1 && this.between) first = at;
    }
    return first;
  }

  #headSize(): number {
    if (this.#headLength < 2) return 2;
    const second = this.#head[1] as number;
    const length = second & 0x7f;
    const extended = length <= SHORT ? 0 : length === MEDIUM ? 2 : 8;
    return 2 + extended + (second & 0x80 ? 4 : 0);
  }

  #payload(): number {
    const length = (this.#head[1] as number) & 0x7f;
    if (length <= SHORT) return length;
    return length === MEDIUM ? this.#head.readUInt16BE(2) : Number(this.#head.readBigUInt64BE(2));
  }
}

/** What says that this end goes away. To a server it is masked (5.3); with zeros, since nobody chose what is in it. */
export function goingAway(toServer: boolean): Buffer {
  const code = [GOING_AWAY >> 8, GOING_AWAY & 0xff];
  return Buffer.from(toServer ? [0x88, 0x82, 0, 0, 0, 0, ...code] : [0x88, 0x02, ...code]);
}
