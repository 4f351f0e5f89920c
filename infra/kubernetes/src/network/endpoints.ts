import type { EndpointSlice } from "../api/objects.ts";
import type { Destination } from "./forwarder.ts";

/** Where the connections to a port of a Service can go: its ready endpoints, or while it has none those that still serve although they end. */
export function destinationsOf(slices: readonly EndpointSlice[], portName: string): Destination[] {
  const ready: Destination[] = [];
  const ending: Destination[] = [];
  for (const { endpoints, ports } of slices) {
    const port = ports?.find(({ name = "" }) => name === portName)?.port;
    if (port === undefined) continue;
    for (const { addresses, conditions = {} } of endpoints ?? []) {
      const [host] = addresses;
      if (host === undefined) continue;
      if (conditions.ready !== false) ready.push({ host, port });
      else if (conditions.serving === true && conditions.terminating === true) ending.push({ host, port });
    }
  }
  return ready.length > 0 ? ready : ending;
}
