// What callers in a browser need as well: nothing here may import Node's modules.
export type { ShardcastErrorOptions } from "./error.ts";
export { isShardcastError, ShardcastError } from "./error.ts";
export type { ErrorCode, ErrorRow } from "./error-table.ts";
export { ERROR_TABLE, isErrorCode } from "./error-table.ts";
export { isHandlerName, isServiceName, MAX_HANDLER_LENGTH } from "./names.ts";
export type { Problem } from "./problem.ts";
export { fromProblem, PROBLEM_JSON, toProblem } from "./problem.ts";
