import type { Contract } from "@shardcast/contract";
import { textList } from "@shardcast/protocol";
import { z } from "zod";
import { looksLikeContract } from "./load.ts";

/** Contracts and paths of modules that export them; as text, paths separated by commas. */
export const contractsOption = z.preprocess(
  (value) => (typeof value === "string" ? textList().parse(value) : value),
  z.array(
    z.custom<Contract | string>(
      (value) => (typeof value === "string" && value !== "") || looksLikeContract(value),
      "neither a contract of defineService nor the path of a module",
    ),
  ),
);
