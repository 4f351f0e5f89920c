import type { Command } from "../command.ts";
import { cancel } from "./cancel.ts";
import { deadLettersList, deadLettersRedrive } from "./dead-letters.ts";
import { notify } from "./notify.ts";
import { owner } from "./owner.ts";
import { redrive } from "./redrive.ts";
import { request } from "./request.ts";
import { result } from "./result.ts";
import { send } from "./send.ts";
import { shards } from "./shards.ts";
import { status } from "./status.ts";

/** In the order of `--help`. */
export const COMMANDS: readonly Command[] = [
  notify,
  status,
  cancel,
  redrive,
  send,
  request,
  result,
  owner,
  shards,
  deadLettersList,
  deadLettersRedrive,
];
