import { TerminalError } from "@shardcast/worker";

/** Segments that servers resolve: by them, a handler's name would lead anywhere in the application. */
const LEADS_AWAY: ReadonlySet<string> = new Set(["", ".", ".."]);

/** The root and the handler's name behind it. @throws {TerminalError} 400 for a name that leads elsewhere */
export function pathOf(root: string, handler: string): string {
  if (handler === "") return root;
  const segments = handler.split("/");
  if (segments.some((segment) => LEADS_AWAY.has(segment))) {
    const fault = `handler ${JSON.stringify(handler)}: no segment of it may be empty, '.' or '..'`;
    throw new TerminalError(fault, { status: 400 });
  }
  return `${root}/${segments.map(encodeURIComponent).join("/")}`;
}
