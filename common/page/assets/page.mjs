// @ts-check
/**
 * Shows what /live tells. Everything that comes from there is text, never markup: it is set by textContent, and the page's
 * Content-Security-Policy allows nothing else.
 *
 * @typedef {import('../live.js').Told} Told
 * @typedef {import('../history.js').Point} Point
 * @typedef {import('../view.js').SiteView} SiteView
 * @typedef {import('../view.js').EntryView} EntryView
 */

const SVG = 'http://www.w3.org/2000/svg';
const ENTRIES_MAX = 60;
const SLOW_MS = 1_000;
const HEIGHT = 40;
/** Nothing heard for so long (the server speaks every five seconds): what is shown is old. */
const STALE_MS = 12_000;

/** @type {Told | undefined} */
let told;
/** How far the server's clock is ahead of this one, milliseconds. */
let ahead = 0;
let heardAt = Date.now();
let lastId = 0;

/** @param {string} id */
const place = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {string} id @param {string} text */
function put(id, text) {
  const element = place(id);
  if (element.textContent !== text) element.textContent = text;
}

/**
 * @param {string} tag
 * @param {string} className
 * @param {...(string | Node)} children
 */
function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className !== '') element.className = className;
  element.append(...children);
  return element;
}

/** @param {string} tag @param {Readonly<Record<string, string | number>>} attributes */
function shape(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}

/** @param {number} ms since 1970, by the server's clock */
function ago(ms) {
  const s = Math.max(0, Math.round((Date.now() + ahead - ms) / 1000));
  if (s < 3) return 'just now';
  if (s < 120) return `${s} s ago`;
  if (s < 7_200) return `${Math.round(s / 60)} min ago`;
  return s < 172_800 ? `${Math.round(s / 3_600)} h ago` : `${Math.round(s / 86_400)} days ago`;
}

/** @param {number | undefined} ms */
function took(ms) {
  if (ms === undefined) return '–';
  return ms < 10_000 ? `${Math.round(ms).toLocaleString('en')} ms` : `${Math.round(ms / 1000).toLocaleString('en')} s`;
}

/** @param {number} n */
const count = (n) => n.toLocaleString('en');

/** @param {Element} svg @param {readonly Point[]} points */
function bars(svg, points) {
  const most = Math.max(1, ...points.map(({ changes }) => changes));
  svg.setAttribute('viewBox', `0 0 ${points.length} ${HEIGHT}`);
  svg.replaceChildren(
    floor(points),
    ...points.flatMap(({ changes }, x) => {
      if (changes === 0) return [];
      const height = Math.max(2, (changes / most) * HEIGHT);
      return [shape('rect', { class: 'bar', x: x + 0.12, y: HEIGHT - height, width: 0.76, height })];
    }),
  );
}

/** Where nothing came, the line goes on to the next point, and the first begins where something did. */
/** @param {Element} svg @param {readonly Point[]} points */
function curve(svg, points) {
  const known = points.flatMap(({ p50_ms }, x) => (p50_ms === undefined ? [] : [{ x, ms: p50_ms }]));
  const most = Math.max(20, ...known.map(({ ms }) => ms));
  const steps = known.map(({ x, ms }) => `${x + 0.5} ${(HEIGHT - 2 - (ms / most) * (HEIGHT - 4)).toFixed(2)}`);
  svg.setAttribute('viewBox', `0 0 ${points.length} ${HEIGHT}`);
  const [first] = known;
  const last = known.at(-1);
  if (first === undefined || last === undefined) return svg.replaceChildren(floor(points));
  // A single point is a short line.
  const line = steps.length === 1 ? `M${steps[0]} h.8` : `M${steps.join(' L')}`;
  svg.replaceChildren(
    floor(points),
    shape('path', { class: 'area', d: `${line} L${last.x + 0.5} ${HEIGHT} L${first.x + 0.5} ${HEIGHT} Z` }),
    shape('path', { class: 'line', d: line }),
  );
}

/** @param {readonly Point[]} points */
function slowest(points) {
  const known = points.flatMap(({ p50_ms }) => p50_ms ?? []);
  return known.length === 0 ? undefined : Math.max(...known);
}

/** @param {readonly Point[]} points */
const floor = (points) => shape('line', { class: 'floor', x1: 0, x2: points.length, y1: HEIGHT, y2: HEIGHT });

/** @param {SiteView} site */
function siteCard({ site, health, is, hint, behind, heard_at, changes_per_minute, p50_ms, points }) {
  const chart = document.createElementNS(SVG, 'svg');
  chart.setAttribute('class', 'chart slim');
  chart.setAttribute('preserveAspectRatio', 'none');
  chart.setAttribute('role', 'img');
  chart.setAttribute('aria-label', `Time that changes from ${site} took`);
  curve(chart, points);
  const heard = make('dd', '', heard_at === undefined ? 'not yet' : ago(heard_at));
  if (heard_at !== undefined) heard.dataset.at = String(heard_at);
  const card = make(
    'article',
    'site',
    make('div', 'top', make('b', '', site), make('span', `pill ${health}`, is)),
    make(
      'dl',
      '',
      figure('latency', make('dd', '', took(p50_ms))),
      figure('changes / min', make('dd', '', count(changes_per_minute))),
      figure('behind', make('dd', '', count(behind))),
      figure('heard', heard),
    ),
    chart,
  );
  if (hint !== undefined) card.append(make('p', 'hint', hint));
  card.dataset.site = site;
  return card;
}

/** @param {string} name @param {HTMLElement} value */
const figure = (name, value) => make('div', '', make('dt', '', name), value);

/** @param {Told} now */
function needs({ troubles, held, overdrawn }) {
  const list = troubles.map(({ code, step, hint }) =>
    make(
      'li',
      'bad',
      make('span', 'what', `${step || 'a step'} does not work`),
      make('code', 'code', code),
      make('p', 'hint', hint),
    ),
  );
  for (const { id, document: name, why, at } of held.latest) {
    const when = make('span', '', ago(at));
    when.dataset.at = String(at);
    list.push(
      make(
        'li',
        'warn',
        make('span', 'what', name ?? `change ${id}`),
        make('span', 'rest', why, ', held ', when),
        make('code', '', `axle held show ${id}`),
      ),
    );
  }
  if (held.count > held.latest.length)
    list.push(
      make('li', 'warn', make('span', 'rest', `${count(held.count - held.latest.length)} more: axle held list`)),
    );
  if (overdrawn > 0)
    list.push(
      make(
        'li',
        'warn',
        make('span', 'what', `${count(overdrawn)} overdrawn`),
        make('span', 'rest', 'several sites spent the same money; later credits fill it'),
      ),
    );
  return list;
}

/** @param {EntryView} entry */
function row({ at, level, event, fields }) {
  const { document: name, from, peer, to, ms, code, hint, reason, step, documents, count: many } = fields;
  const rest = [];
  if (event === 'absorbed') rest.push(`changed at ${fields.site}`);
  else if (event === 'materialised') rest.push(from === fields.site ? `changed at ${from}` : `from ${from}`);
  else if (name !== undefined) rest.push(event);
  if (from !== undefined && event !== 'materialised') rest.push(`from ${from}`);
  if (to !== undefined) rest.push(`to ${to}`);
  if (peer !== undefined) rest.push(String(peer));
  if (step !== undefined) rest.push(`at ${step}`);
  if (documents !== undefined) rest.push(`${documents} documents`);
  if (many !== undefined) rest.push(`${many} documents`);
  const quiet = event === 'absorbed' || event === 'materialised' ? 'a document' : event;
  const item = make(
    'li',
    level,
    make('time', '', new Date(at).toLocaleTimeString('en-GB')),
    make('span', 'what', String(name ?? quiet)),
    make('span', 'rest', rest.join(', ')),
  );
  if (ms !== undefined && event === 'materialised')
    item.append(make('span', Number(ms) > SLOW_MS ? 'ms slow' : 'ms', took(Number(ms))));
  if (code !== undefined) item.append(make('code', 'code', String(code)));
  const words = [reason, hint].filter((text) => text !== undefined).join(' — ');
  if (words !== '') item.append(make('p', 'hint', words));
  return item;
}

/** @param {Told} now */
function show(now) {
  const list = place('entries');
  const isFirst = told === undefined || told.session !== now.session;
  if (isFirst) {
    list.replaceChildren();
    lastId = 0;
  }
  told = now;
  ahead = now.now - Date.now();
  document.title = `${now.health === 'ok' ? '' : '● '}${now.site} – Axle`;
  put('name', now.site);
  put('about', now.role === 'hub' ? `hub of ${count(now.sites.length)} sites` : 'a spoke');
  put('headline', now.headline);
  place('state').className = `state ${now.health}`;
  put('rate', count(now.changes_per_minute));
  put('p50', took(now.p50_ms));
  put('p99', now.p99_ms === undefined ? 'nothing came yet' : `99 of 100 within ${took(now.p99_ms)}`);
  put('rate-most', `most in 10 s: ${count(Math.max(...now.points.map(({ changes }) => changes)))}`);
  put('took-most', `slowest 10 s: ${took(slowest(now.points))}`);
  put('documents', count(now.documents));
  put('repaired', now.repaired === 0 ? 'none had to be repaired' : `${count(now.repaired)} repaired since the start`);
  put('backlog', count(now.backlog.looks + now.backlog.files));
  put('backlog-parts', `${count(now.backlog.looks)} to look at, ${count(now.backlog.files)} to write`);
  put('version', `Axle ${now.version}`);
  bars(place('rate-chart'), now.points);
  curve(place('took-chart'), now.points);
  const needed = needs(now);
  place('attention').hidden = needed.length === 0;
  place('needs').replaceChildren(...needed);
  place('sites').replaceChildren(...now.sites.map(siteCard));
  const news = now.entries.filter(({ id }) => id > lastId);
  lastId = Math.max(lastId, ...news.map(({ id }) => id));
  if (news.length > 0) list.querySelector('.empty')?.remove();
  for (const entry of news) {
    const item = row(entry);
    if (!isFirst) item.classList.add('new');
    list.prepend(item);
  }
  while (list.childElementCount > ENTRIES_MAX) list.lastElementChild?.remove();
  if (list.childElementCount === 0) list.append(make('li', 'empty', 'Nothing happened yet.'));
  tick();
}

/** What says how long ago something was goes on by itself. */
function tick() {
  const isLive = Date.now() - heardAt < STALE_MS;
  place('live').classList.toggle('on', isLive && told !== undefined);
  document.body.classList.toggle('stale', !isLive);
  put('live', isLive ? (told === undefined ? 'connecting' : 'live') : 'no connection, trying again');
  if (told === undefined) return;
  put(
    'since',
    `running since ${new Date(told.started_at).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' })}`,
  );
  for (const element of document.querySelectorAll('[data-at]')) {
    const text = ago(Number(/** @type {HTMLElement} */ (element).dataset.at));
    if (element.textContent !== text) element.textContent = text;
  }
}

const stream = new EventSource('/live');
stream.onmessage = ({ data }) => {
  heardAt = Date.now();
  show(JSON.parse(data));
};
setInterval(tick, 1_000);
