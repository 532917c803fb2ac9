/** /openapi.json, and /docs: the same as one plain page, without a script and without a package for it. */
import type { FastifyInstance } from 'fastify';

type Operation = {
  readonly summary?: string;
  readonly description?: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: unknown;
};
type Parameter = { readonly name: string; readonly in: string; readonly required?: boolean; readonly schema?: unknown };

export function docsRoutes(app: FastifyInstance): void {
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  app.get('/docs', { schema: { hide: true } }, async (_request, reply) => {
    const { paths = {} } = app.swagger() as { paths?: Readonly<Record<string, Readonly<Record<string, Operation>>>> };
    const parts = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => section(method.toUpperCase(), path, operation)),
    );
    return reply.type('text/html; charset=utf-8').send(page(parts.join('\n')));
  });
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

function page(content: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Axle sidecar</title>
<style>body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}td{padding-right:1rem;vertical-align:top}pre{background:#f4f4f4;padding:1rem;overflow:auto}</style>
<h1>Axle sidecar</h1><p>Callers send <code>Authorization: Bearer</code> with a service token or a user's JWT. Everything in detail: <a href="openapi.json">openapi.json</a>.</p>
${content}</html>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
