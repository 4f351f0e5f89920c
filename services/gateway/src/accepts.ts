const REFUSED = /;\s*q=0(?:\.0{0,3})?\s*(?:;|$)/i;

/** Whether an `Accept` names a type: who accepts anything takes the answer as it is. */
export function acceptsByName(accept: string | undefined, type: string): boolean {
  if (accept === undefined) return false;
  return accept
    .toLowerCase()
    .split(",")
    .some((range) => range.split(";", 1)[0]?.trim() === type && !REFUSED.test(range));
}
