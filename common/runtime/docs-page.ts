/** An OpenAPI description as one plain page, without a script and without a package for it. */

type Operation = {
  readonly summary?: string;
  readonly description?: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: unknown;
};
type Parameter = { readonly name: string; readonly in: string; readonly required?: boolean; readonly schema?: unknown };

export type DocsPage = {
  readonly title: string;
  /** HTML: how callers say who they are. */
  readonly intro: string;
  /** Where the description itself is, from the page. */
  readonly href: string;
};

/** HTML. `document`: as @fastify/swagger makes it. */
export function docsPage(document: unknown, { title, intro, href }: DocsPage): string {
  const { paths = {} } = document as { paths?: Readonly<Record<string, Readonly<Record<string, Operation>>>> };
  const parts = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => section(method.toUpperCase(), path, operation)),
  );
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escaped(title)}</title>
<style>body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}td{padding-right:1rem;vertical-align:top}pre{background:#f4f4f4;padding:1rem;overflow:auto}</style>
<h1>${escaped(title)}</h1><p>${intro} Everything in detail: <a href="${escaped(href)}">${escaped(href)}</a>.</p>
${parts.join('\n')}</html>`;
}

function section(method: string, path: string, operation: Operation): string {
  const { summary = '', description, parameters = [], requestBody } = operation;
  const rows = parameters.map(
    ({ name, in: place, required, schema }) =>
      `<tr><td>${escaped(name)}</td><td>${escaped(place)}${required ? '' : ', optional'}</td><td><code>${escaped(JSON.stringify(schema))}</code></td></tr>`,
  );
  const table = rows.length === 0 ? '' : `<table>${rows.join('')}</table>`;
  const more = description === undefined ? '' : `<p>${escaped(description)}</p>`;
  const body = requestBody === undefined ? '' : `<pre>${escaped(JSON.stringify(requestBody, null, 2))}</pre>`;
  return `<h2><code>${method} ${escaped(path)}</code></h2><p>${escaped(summary)}</p>${more}${table}${body}`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
