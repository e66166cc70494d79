// The API as a page to browse: the OpenAPI document as HTML, without a script or anything from elsewhere.

/** Content-Security-Policy of the page (https://www.w3.org/TR/CSP3/): its own style, and nothing else. */
export const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

type Json = Record<string, unknown>;

interface Operation {
  operationId: string;
  summary: string;
  description?: string;
  tags?: string[];
  parameters?: { name: string; in: string; required?: boolean; schema?: Json; description?: string }[];
  requestBody?: { content: Record<string, { schema?: Json }> };
  responses: Record<string, { description?: string; content?: Record<string, { schema?: Json }> }>;
}

const STYLE = `body{font:16px/1.45 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
summary{cursor:pointer;padding:.3rem 0}code,pre{font:14px/1.4 ui-monospace,monospace;background:#f4f4f1;border-radius:4px}
code{padding:.1rem .3rem}pre{padding:.7rem;overflow:auto}b.verb{display:inline-block;width:4.5rem}
table{border-collapse:collapse}td,th{text-align:left;padding:.2rem .8rem .2rem 0;vertical-align:top}
details>*:not(summary){margin-left:1.2rem}
@media(prefers-color-scheme:dark){body{background:#1b1b1a;color:#ddd}code,pre{background:#2b2b29}}`;

/** The whole page. */
export function apiPage(document: Json): string {
  const { title, version, description } = document.info as Record<string, string>;
  const schemas = (document.components as { schemas: Record<string, Json> }).schemas;
  const groups = Map.groupBy(operations(document), ({ operation }) => operation.tags?.[0] ?? 'other');
  const parts = [...groups].map(
    ([tag, list]) => `<h2>${text(tag)}</h2>\n${list.map(operationPart).join('')}`,
  );
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${text(title)}</title>
<meta name="viewport" content="width=device-width"><style>${STYLE}</style></head><body>
<h1>${text(title)} <small>${text(version)}</small></h1><p>${text(description)}</p>
<p>As <a href="v1/openapi.json">OpenAPI 3.1</a>. Measurements are at <a href="metrics">metrics</a>, health at
<a href="healthz">healthz</a>.</p>
${parts.join('')}<h2>schemas</h2>
${Object.entries(schemas).map(schemaPart).join('')}</body></html>
`;
}

function operations(document: Json): { path: string; verb: string; operation: Operation }[] {
  return Object.entries(document.paths as Record<string, Record<string, Operation>>).flatMap(
    ([path, verbs]) =>
      Object.entries(verbs).map(([verb, operation]) => ({ path, verb: verb.toUpperCase(), operation })),
  );
}

function operationPart({
  path,
  verb,
  operation,
}: {
  path: string;
  verb: string;
  operation: Operation;
}): string {
  const { operationId, summary, description, parameters = [], requestBody, responses } = operation;
  const rows = parameters.map(
    ({ name, in: place, required, schema, description: told }) =>
      `<tr><td><code>${text(name)}</code></td><td>${place}${required ? ', required' : ''}</td>` +
      `<td>${text(told ?? String(schema?.description ?? schema?.type ?? ''))}</td></tr>`,
  );
  const body = Object.values(requestBody?.content ?? {})[0]?.schema;
  const answers = Object.entries(responses).map(([status, answer]) => {
    const schema = Object.values(answer.content ?? {})[0]?.schema;
    return `<p>${text(status)} ${text(answer.description ?? '')}</p>${schema ? json(schema) : ''}`;
  });
  return `<details id="${text(operationId)}"><summary><b class="verb">${verb}</b><code>${text(path)}</code> ${text(summary)}</summary>
<p><b>${text(operationId)}</b>. ${text(description ?? '')}</p>
${rows.length > 0 ? `<table>${rows.join('')}</table>` : ''}${body ? `<p>Body</p>${json(body)}` : ''}${answers.join('')}</details>
`;
}

function schemaPart([name, schema]: [string, Json]): string {
  return `<details id="schema-${text(name)}"><summary><code>${text(name)}</code></summary>${json(schema)}</details>\n`;
}

/** A schema as text, its references as links. */
function json(schema: Json): string {
  const link = (_whole: string, name: string) => `<a href="#schema-${name}">${name}</a>`;
  const shown = text(JSON.stringify(schema, null, 2));
  return `<pre>${shown.replaceAll(/#\/components\/schemas\/(\w+)/g, link)}</pre>`;
}

function text(value: unknown): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return String(value ?? '').replaceAll(/[&<>"]/g, (character) => entities[character] as string);
}
