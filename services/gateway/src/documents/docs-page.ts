import type { Json, JsonObject } from "@shardcast/contract/documents";
import { Html, html } from "./html.ts";

export interface DocumentedApi {
  /** OpenAPI. */
  readonly document: JsonObject;
  /** Where its documents are, by name. */
  readonly links: Readonly<Record<string, string>>;
}

const METHODS = ["get", "post", "put", "patch", "delete"] as const;

const STYLE = `
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
summary { cursor: pointer; font-family: ui-monospace, monospace; padding: 0.25rem 0; }
summary b { display: inline-block; min-width: 4.5rem; text-transform: uppercase; }
details > div { border-left: 3px solid #8888; margin: 0.5rem 0 1rem; padding-left: 1rem; }
pre { background: #8882; overflow: auto; padding: 0.5rem; }
:root { color-scheme: light dark; }
`;

/** What the documents say, for people: one page that loads nothing. */
export function docsPage(apis: readonly DocumentedApi[]): string {
  return html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Shardcast API</title>
<style>${new Html(STYLE)}</style>
<h1>Shardcast API</h1>
${apis.map(section)}
</html>
`.text;
}

function section({ document, links }: DocumentedApi): Html {
  const { title, description = "" } = document.info as JsonObject;
  const anchors = Object.entries(links).map(([name, href]) => html` <a href="${href}">${name}</a>`);
  const operations = entries(document.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method] !== undefined).map((method) =>
      operation(document, method, path, item),
    ),
  );
  return html`<section>
<h2>${text(title)}</h2>
<p>${text(description)}${anchors}</p>
${operations}
</section>
`;
}

function operation(document: JsonObject, method: string, path: string, item: JsonObject): Html {
  const {
    summary = "",
    description = "",
    parameters = [],
    requestBody,
    responses,
  } = item[method] as JsonObject;
  const all = [...((item.parameters ?? []) as JsonObject[]), ...(parameters as JsonObject[])];
  const rows = all.map((each) => {
    const { name, in: where, description: meaning = "" } = resolved(document, each);
    return html`<li><code>${text(name)}</code> (${text(where)}): ${text(meaning)}</li>`;
  });
  const answers = entries(responses).map(
    ([status, each]) => html`<li><b>${status}</b> ${text(each.description)}${bodies(document, each)}</li>`,
  );
  return html`<details>
<summary><b>${method}</b> ${path}</summary>
<div>
<p>${text(summary)}. ${text(description)}</p>
<ul>${rows}</ul>
${requestBody === undefined ? "" : html`<p>Body:</p>${bodies(document, requestBody as JsonObject)}`}
<p>Answers:</p>
<ul>${answers}</ul>
</div>
</details>
`;
}

/** The schemas of contents, but not of problems: they are the same everywhere. */
function bodies(document: JsonObject, { content = {} }: JsonObject): readonly Html[] {
  return entries(content)
    .filter(([type]) => type !== "application/problem+json")
    .map(([type, { schema }]) => {
      const shown = JSON.stringify(resolved(document, schema as JsonObject), null, 2);
      return html`<div><code>${type}</code><pre>${shown}</pre></div>`;
    });
}

/** What a reference leads to, one step far. */
function resolved(document: JsonObject, value: JsonObject): JsonObject {
  if (typeof value.$ref !== "string") return value;
  const [, ...segments] = value.$ref.split("/");
  return segments.reduce<JsonObject>((found, name) => found[name] as JsonObject, document);
}

function entries(value: Json | undefined): readonly (readonly [string, JsonObject])[] {
  return Object.entries((value ?? {}) as Readonly<Record<string, JsonObject>>);
}

function text(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}
