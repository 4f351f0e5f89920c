const REFERENCE = /\$\$|\$\(([^)]*)\)/g;

/** `$(NAME)` becomes its value, stays as it is without one, and `$$(NAME)` becomes `$(NAME)`: as Kubernetes does it in values, commands and arguments. */
export function expand(text: string, known: (name: string) => string | undefined): string {
  return text.replace(REFERENCE, (all, name: string | undefined) =>
    name === undefined ? "$" : (known(name) ?? all),
  );
}
