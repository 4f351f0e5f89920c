import { isServiceName, MAX_LANES } from "@shardcast/protocol";
import { z } from "zod";

const STRATEGIES = ["murmur2", "modulo"] as const;

const count = z.number().int().min(1).max(MAX_LANES);

/** A service the gateway serves, as the client wants to know it. */
const route = z
  .strictObject({
    lanes: count.exactOptional(),
    /** 0: without durable members, so that nothing is planned. */
    replicas: z.number().int().min(0).max(MAX_LANES).exactOptional(),
    strategy: z.enum(STRATEGIES).exactOptional(),
  })
  .refine(({ lanes, replicas }) => (replicas ?? 0) <= (lanes ?? MAX_LANES), {
    message: "more replicas than lanes: some would have nothing to do",
    path: ["replicas"],
  });

const serviceName = z
  .string()
  .refine(isServiceName, "a service is named by a DNS label: lower-case letters, digits and '-'");

const services = z
  .record(serviceName, route, {
    error: ({ input }) => (input === undefined ? "required, e.g. accounts=3,orders=12:modulo" : undefined),
  })
  .refine((named) => Object.keys(named).length > 0, "at least one service is needed");

/**
 * The services by name, from code as a record, or as text: `name[=lanes[/replicas]][:strategy]`, separated by commas, e.g.
 * `accounts=24/3,orders=12:modulo,invoices`. With lanes the gateway creates what topics are missing; without, it takes
 * the partitions it finds.
 */
export const servicesOption = z.preprocess((value, context) => {
  if (typeof value !== "string") return value;
  const named: Record<string, unknown> = {};
  const faults: string[] = [];
  for (const item of value.split(",").map((each) => each.trim())) {
    if (item === "") continue;
    const parsed = parseService(item);
    if (typeof parsed === "string") faults.push(parsed);
    else if (Object.hasOwn(named, parsed.name)) faults.push(`${parsed.name} is named twice`);
    else named[parsed.name] = parsed.route;
  }
  for (const message of faults) context.addIssue({ code: "custom", message, input: value });
  // With these, zod looks no further; whoever repairs the list wants to know the rest as well.
  const rest = faults.length === 0 ? undefined : services.safeParse(named).error;
  for (const { message, path } of rest?.issues ?? []) {
    context.addIssue({ code: "custom", message, path: [...path], input: value });
  }
  return named;
}, services);

const SERVICE = /^([^=:]+)(?:=([0-9]{1,6})(?:\/([0-9]{1,6}))?)?(?::([a-z0-9]+))?$/;

/** One service of the list, or what is wrong with it. */
function parseService(item: string): { name: string; route: Record<string, unknown> } | string {
  const [, name, lanes, replicas, strategy] = SERVICE.exec(item) ?? [];
  if (name === undefined) return `${JSON.stringify(item)} is not name[=lanes[/replicas]][:strategy]`;
  return {
    name,
    route: {
      ...(lanes === undefined ? {} : { lanes: Number(lanes) }),
      ...(replicas === undefined ? {} : { replicas: Number(replicas) }),
      ...(strategy === undefined ? {} : { strategy }),
    },
  };
}
