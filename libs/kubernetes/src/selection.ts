/** Which objects of a collection; both given must hold. */
export interface Selection {
  /** `metadata.name=accounts` is one object, and needs rights for that one alone. */
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
}

/** As workloads write it down. */
export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

/**
 * As questions say it: `app=accounts,tier in (a,b),!canary`.
 *
 * @throws {TypeError} an operator that Kubernetes had not when this was written: leaving it out would select too much
 */
export function labelSelectorOf({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string {
  const labels = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
  const expressions = matchExpressions.map(({ key, operator, values = [] }) => {
    switch (operator) {
      case "In":
        return `${key} in (${values.join(",")})`;
      case "NotIn":
        return `${key} notin (${values.join(",")})`;
      case "Exists":
        return key;
      case "DoesNotExist":
        return `!${key}`;
      default:
        throw new TypeError(`a label selector with the unknown operator ${JSON.stringify(operator)}`);
    }
  });
  return [...labels, ...expressions].join(",");
}
