import { SERVICE } from "./replica.ts";

/** A call of the gateway, as it is made and as it is shown. */
export interface Call {
  readonly key: string;
  readonly handler: string;
  readonly body?: object;
}

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly requestId: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Who answered, as the accounts service says in every answer. */
export interface HandledBy {
  readonly member: string;
  readonly lane: number;
  readonly offset: number;
}

const CALLER_PATIENCE_MS = 20_000;

/** Makes the call over real HTTP. */
export async function call(base: string, made: Call): Promise<Answer> {
  const response = await fetch(urlOf(base, made), {
    method: "POST",
    signal: AbortSignal.timeout(CALLER_PATIENCE_MS),
    ...(made.body === undefined ? {} : { body: JSON.stringify(made.body) }),
  });
  return {
    status: response.status,
    contentType: response.headers.get("content-type") ?? "",
    requestId: response.headers.get("shardcast-request-id") ?? undefined,
    body: (await response.json()) as Answer["body"],
  };
}

/** The same call for a terminal. */
export function curl(base: string, made: Call): string {
  const what = made.body === undefined ? "-X POST" : `-d '${JSON.stringify(made.body)}'`;
  return `curl ${what} ${urlOf(base, made)}`;
}

export function handledBy({ body }: Answer): HandledBy {
  return body.handledBy as HandledBy;
}

function urlOf(base: string, { key, handler }: Call): string {
  return `${base}/v1/${SERVICE}/keys/${encodeURIComponent(key)}/${handler}`;
}
