/** The fleet as a page without a script: a table that is fetched again every half minute. */
import type { FastifyInstance } from 'fastify';
import { type CloudFleet, duration, type Mirror } from './mirror.js';

const CSP =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export function registerPage(app: FastifyInstance, mirror: Mirror): void {
  app.get('/', async (_request, reply) =>
    reply
      .header('content-security-policy', CSP)
      .type('text/html; charset=utf-8')
      .send(pageOf(await mirror.view())),
  );
}

export function pageOf(fleet: CloudFleet): string {
  const rows = fleet.miners.map(({ name, model, miner_type, state, reading, at }) => {
    const cells = [
      name,
      model ?? miner_type,
      state === 'online'
        ? 'online'
        : `${state}${at === undefined ? '' : `, ${duration(Math.max(0, fleet.at - at) / 1_000)}`}`,
      reading?.hashrate_hps === undefined ? '' : `${Number((reading.hashrate_hps / 1e12).toPrecision(4))} TH/s`,
      reading?.temperature_c === undefined ? '' : `${Math.round(reading.temperature_c)} °C`,
      reading?.power_w === undefined ? '' : `${Math.round(reading.power_w)} W`,
      reading?.shares_accepted === undefined ? '' : String(reading.shares_accepted),
    ];
    return `<tr class="${state}">${cells.map((cell) => `<td>${escaped(cell)}</td>`).join('')}</tr>`;
  });
  const online = fleet.miners.filter(({ state }) => state === 'online').length;
  const age = fleet.age_s === undefined ? 'no data yet' : `written ${duration(fleet.age_s)} ago`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="30">
<title>Miners</title><style>
body{font:16px/1.4 system-ui;margin:1rem;color-scheme:light dark}table{border-collapse:collapse;width:100%}
td,th{padding:.25rem .5rem;text-align:left;border-bottom:1px solid #8884}.warning{background:#c40;color:#fff;padding:.5rem}
tr:not(.online){opacity:.6}</style></head><body>
<h1>Miners</h1>
${fleet.stale ? `<p class="warning"><strong>Old data</strong>: ${escaped(age)}.</p>` : ''}
${fleet.message === undefined ? '' : `<p class="warning">${escaped(fleet.message)}</p>`}
<p>${fleet.miners.length} miners, ${online} online, ${escaped(age)}</p>
<table><tr><th>Name<th>Model<th>State<th>Hashrate<th>Temperature<th>Power<th>Shares</tr>
${rows.join('\n')}
</table></body></html>
`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
