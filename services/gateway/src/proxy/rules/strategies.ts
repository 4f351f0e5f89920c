import { murmur2 } from "@shardcast/routing";
import type { ProxyRule } from "./schema.ts";

/** Which backend, or member, a key goes to; undefined for none. */
export type Choose = (key: string, among: readonly string[]) => string | undefined;

const INTEGER = /^-?[0-9]{1,256}$/;
const NUMBER = /^-?[0-9]+(?:\.[0-9]+)?$/;

/** The strategy of a rule whose keys do not follow the lanes. Pure: the same key and names give the same one everywhere. */
export function chooserOf(rule: ProxyRule): Choose {
  const { strategy, default: fallback } = rule;
  const choose = strategyOf(rule);
  return strategy === "none" ? choose : (key, among) => choose(key, among) ?? fallback;
}

function strategyOf(rule: ProxyRule): Choose {
  switch (rule.strategy) {
    case "modulo":
      return modulo;
    case "lookup":
      return lookup(tableOf(rule));
    case "prefix":
      return prefix(tableOf(rule), rule.separator);
    case "range":
      return within(rule.ranges ?? []);
    case "hashring":
      return rendezvous;
    default:
      return (_key, [only]) => only;
  }
}

/** Without a table the backends' own names are what keys are compared with. */
function tableOf({ table, backends }: ProxyRule): ReadonlyMap<string, string> {
  if (table !== undefined) return new Map(Object.entries(table));
  return new Map(Object.keys(backends ?? {}).map((name) => [name, name]));
}

/** Of a whole number, in the order of the names. */
function modulo(key: string, among: readonly string[]): string | undefined {
  if (!INTEGER.test(key) || among.length === 0) return undefined;
  const count = BigInt(among.length);
  return among[Number(((BigInt(key) % count) + count) % count)];
}

function lookup(table: ReadonlyMap<string, string>): Choose {
  return (key) => table.get(key);
}

function prefix(table: ReadonlyMap<string, string>, separator: string | undefined): Choose {
  if (separator !== undefined) {
    return (key) => {
      const at = key.indexOf(separator);
      return at === -1 ? undefined : table.get(key.slice(0, at + separator.length));
    };
  }
  const longestFirst = [...table].sort(([a], [b]) => b.length - a.length);
  return (key) => longestFirst.find(([beginning]) => key.startsWith(beginning))?.[1];
}

function within(ranges: NonNullable<ProxyRule["ranges"]>): Choose {
  return (key) =>
    ranges.find(({ from, to }) => {
      if (typeof (from ?? to) !== "number") {
        return (from === undefined || key >= String(from)) && (to === undefined || key < String(to));
      }
      const value = NUMBER.test(key) ? Number(key) : Number.NaN;
      return (from === undefined ? !Number.isNaN(value) : value >= Number(from)) && !(value >= Number(to));
    })?.backend;
}

/**
 * Consistent hashing by the highest weight: of n backends that become n + 1 or n - 1 only a share of the keys moves, all of them to or
 * from the one that came or went, and nobody has to keep a ring.
 */
function rendezvous(key: string, among: readonly string[]): string | undefined {
  let best: string | undefined;
  let most = -1;
  for (const name of among) {
    const weight = murmur2(Buffer.from(`${name}\0${key}`)) >>> 0;
    if (weight > most || (weight === most && best !== undefined && name < best)) {
      most = weight;
      best = name;
    }
  }
  return best;
}
