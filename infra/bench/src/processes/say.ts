/** Tells the bench that started this process. */
export function say(message: { readonly kind: string; readonly [field: string]: unknown }): void {
  process.send?.(message);
}

/** Ends this process in order when it is asked to. */
export function onStop(stop: () => Promise<void>): void {
  let stopping = false;
  const begin = () => {
    if (stopping) return;
    stopping = true;
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", begin);
  process.on("SIGINT", begin);
}

export function required(variable: string): string {
  const value = process.env[variable];
  if (value === undefined || value === "") throw new Error(`${variable} must be set`);
  return value;
}
