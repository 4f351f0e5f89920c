import { isServiceName } from "@shardcast/protocol";
import { z } from "zod";

const NAMESPACE = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const NAME = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/;

const ref = z.strictObject({
  /** Default: our own. */
  namespace: z.string().regex(NAMESPACE, "not the name of a namespace").exactOptional(),
  name: z.string().regex(NAME, "not the name of a StatefulSet"),
});

/** Which StatefulSet a service's replicas are. */
export type StatefulSetRef = z.infer<typeof ref>;

const refs = z.record(
  z.string().refine(isServiceName, "a service is named by a DNS label: lower-case letters, digits and '-'"),
  ref,
);

const ITEM = /^([^=/]+)(?:=(?:([^=/]+)\/)?([^=/]+))?$/;

/**
 * The StatefulSets by service, from code as a record, or as text: `service[=[namespace/]name]`, separated by commas. The name
 * is the service's, unless it says otherwise.
 */
export const statefulSetsOption = z.preprocess((value, context) => {
  if (typeof value !== "string") return value;
  const named: Record<string, unknown> = {};
  for (const item of value.split(",").map((each) => each.trim())) {
    if (item === "") continue;
    const [, service, namespace, name] = ITEM.exec(item) ?? [];
    const fault =
      service === undefined
        ? `${JSON.stringify(item)} is not service[=[namespace/]name]`
        : Object.hasOwn(named, service) && `${service} is named twice`;
    if (fault) context.addIssue({ code: "custom", message: fault, input: value });
    else
      named[service as string] = { name: name ?? service, ...(namespace === undefined ? {} : { namespace }) };
  }
  return named;
}, refs);

interface Settings {
  readonly services: Readonly<Record<string, { readonly replicas?: number }>>;
  readonly statefulSets: object;
  readonly replicasFile?: string;
}

/** One says how many replicas there are to be, and of a service that is served and has some. */
export function checkStatefulSets(context: z.core.ParsePayload<Settings>): void {
  const { services, statefulSets, replicasFile } = context.value;
  const refuse = (message: string, ...path: string[]) =>
    context.issues.push({ code: "custom", message, path: ["statefulSets", ...path], input: statefulSets });
  const named = Object.keys(statefulSets);
  if (named.length > 0 && replicasFile !== undefined)
    refuse(
      "not together with replicasFile (SHARDCAST_REPLICAS_FILE): one of them says how many replicas are wanted",
    );
  for (const service of named) {
    if (!Object.hasOwn(services, service)) refuse("this gateway does not serve it", service);
    else if (services[service]?.replicas === 0)
      refuse("the service is said to have no durable members (0 replicas)", service);
  }
}
