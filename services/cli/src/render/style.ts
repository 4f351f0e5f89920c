import { styleText } from "node:util";
import type { Output } from "../world.ts";

export type Colour = "green" | "red" | "yellow" | "cyan" | "gray" | "magenta" | "bold";

/** Colours text, or leaves it as it is. */
export type Style = (colour: Colour, text: string) => string;

export const NO_STYLE: Style = (_colour, text) => text;

/** Colours where the stream shows them; NO_COLOR and FORCE_COLOR are heeded. */
export function styleOf(stream: Output): Style {
  return (colour, text) => styleText(colour, text, { stream, validateStream: true });
}
