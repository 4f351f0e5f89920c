import { asyncApi, type JsonObject, openApi } from "@shardcast/contract/documents";
import type { Contracts } from "../contracts/contracts.ts";
import { docsPage } from "./docs-page.ts";
import { gatewayOpenApi } from "./gateway-openapi.ts";

/** Documents of the API, made once, ready to be sent. */
export interface Documents {
  readonly gateway: Buffer;
  /** By service, of those with a contract. */
  readonly services: ReadonlyMap<string, { readonly openApi: Buffer; readonly asyncApi: Buffer }>;
  readonly page: Buffer;
}

export function documentsOf(
  contracts: Contracts,
  { topicPrefix, proxy }: { readonly topicPrefix: string; readonly proxy: boolean | readonly string[] },
): Documents {
  const gateway = gatewayOpenApi(proxy !== false);
  const made = contracts.all().map((contract) => ({
    service: contract.service,
    openApi: openApi(contract) as JsonObject,
    asyncApi: asyncApi(contract, { topicPrefix }),
  }));
  return {
    gateway: bytesOf(gateway),
    services: new Map(
      made.map((each) => [
        each.service,
        { openApi: bytesOf(each.openApi), asyncApi: bytesOf(each.asyncApi) },
      ]),
    ),
    page: Buffer.from(
      docsPage([
        { document: gateway, links: { OpenAPI: "/openapi.json" } },
        ...made.map(({ service, openApi: document }) => ({
          document,
          links: {
            OpenAPI: `/v1/${service}/openapi.json`,
            AsyncAPI: `/v1/${service}/asyncapi.json`,
          },
        })),
      ]),
    ),
  };
}

function bytesOf(document: object): Buffer {
  return Buffer.from(JSON.stringify(document));
}
