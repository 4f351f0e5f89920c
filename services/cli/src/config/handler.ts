import { z } from "zod";
import type { Settings } from "./setting.ts";

export const HANDLER_FLAG = {
  handler: { schema: z.string().optional(), describe: "name of the handler (the default one)" },
} as const satisfies Settings;
