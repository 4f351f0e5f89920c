import type { Api } from "../api/api.ts";
import { follow } from "../api/follow.ts";
import type { ApiObject, EndpointSlice, Service } from "../api/objects.ts";
import { destinationsOf } from "./endpoints.ts";
import { type Destination, Forwarder } from "./forwarder.ts";

const SERVICE_OF_SLICE = "kubernetes.io/service-name";

/** A small kube-proxy: the addresses of Services lead to their ready endpoints, in turns. TCP only. */
export class ServiceProxy {
  readonly #services = new Map<string, Service>();
  readonly #slices = new Map<string, EndpointSlice>();
  readonly #forwarders = new Map<string, Promise<Forwarder | undefined>>();
  readonly #apiServer: Destination;
  #turn = 0;

  private constructor(apiServer: Destination) {
    this.#apiServer = apiServer;
  }

  /** Follows the API until the signal fires; then `close`. */
  static start(api: Api, signal: AbortSignal): ServiceProxy {
    const { hostname: host, port } = new URL(api.server);
    const proxy = new ServiceProxy({ host, port: Number(port) });
    void follow<Service>({
      ...{ api, path: "/api/v1/services", signal },
      ...kept(proxy.#services, () => proxy.#listen()),
    });
    void follow<EndpointSlice>({
      ...{ api, path: "/apis/discovery.k8s.io/v1/endpointslices", signal },
      ...kept(proxy.#slices, () => {}),
    });
    return proxy;
  }

  async close(): Promise<void> {
    this.#services.clear();
    this.#listen();
    await Promise.all(this.#forwarders.values());
  }

  /** Listens where the Services are, and nowhere else. */
  #listen(): void {
    const wanted = new Map<string, () => Promise<Forwarder>>();
    for (const service of this.#services.values()) {
      const { clusterIP: host = "", ports = [] } = service.spec;
      if (host === "" || host === "None") continue;
      for (const { name = "", port, protocol = "TCP" } of ports) {
        if (protocol !== "TCP") continue;
        const choose = () => this.#choose(service, name);
        wanted.set(`${service.metadata.uid} ${host}:${port} ${name}`, () =>
          Forwarder.listen({ host, port }, choose),
        );
      }
    }
    for (const [place, forwarder] of this.#forwarders) {
      if (wanted.has(place)) continue;
      this.#forwarders.delete(place);
      void forwarder.then((open) => open?.close());
    }
    for (const [place, listen] of wanted) {
      if (this.#forwarders.has(place)) continue;
      const forwarder = listen().catch((error: unknown) => {
        console.error(`service proxy: ${place}:`, error);
        // The next list tries again.
        this.#forwarders.delete(place);
        return undefined;
      });
      this.#forwarders.set(place, forwarder);
    }
  }

  #choose({ metadata }: Service, portName: string): Destination | undefined {
    const { name, namespace } = metadata;
    // The API server does not list itself: loopback addresses are refused there.
    if (name === "kubernetes" && namespace === "default") return this.#apiServer;
    const own = [...this.#slices.values()].filter(
      (slice) => slice.metadata.namespace === namespace && slice.metadata.labels?.[SERVICE_OF_SLICE] === name,
    );
    const destinations = destinationsOf(own, portName);
    this.#turn += 1;
    return destinations[this.#turn % destinations.length];
  }
}

/** What a map needs to have in it what the API has. */
function kept<T extends ApiObject>(map: Map<string, T>, then: () => void) {
  return {
    listed(objects: readonly T[]) {
      map.clear();
      for (const object of objects) map.set(object.metadata.uid, object);
      then();
    },
    changed(object: T) {
      map.set(object.metadata.uid, object);
      then();
    },
    removed({ metadata }: T) {
      map.delete(metadata.uid);
      then();
    },
  };
}
