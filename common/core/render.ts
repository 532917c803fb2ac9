/** `render`: the view of a state, which is what the live file should hold. */
import { type Amount, add, compare, parseAmount, subtract, ZERO } from './amount.js';
import { entryText } from './entry.js';
import { type Json, type JsonScalar, parseJson, sameJson, scalar, stringOf } from './json.js';
import { renderLog } from './log.js';
import { COUNTER_BOX_KEY, childPath, type KindPolicy, pathKeys } from './policy.js';
import type { Stamp } from './stamp.js';
import { type CounterState, type DocState, isBox, type SetState, type Shape } from './state.js';
import { PHP_PRETTY, printJson, type Style } from './style.js';

export type View = { readonly kind: 'json'; readonly value: Json } | { readonly kind: 'text'; readonly text: string };

/** genesis + Σ(added − taken). */
export function counterValue(counter: CounterState): Amount {
  let value = counter.genesis?.[0] ?? ZERO;
  for (const [added, taken] of Object.values(counter.by)) value = subtract(add(value, added), taken);
  return value;
}

/** Whether the document exists, by its kind's rule for deletes. */
export function isAlive(state: DocState, rule: KindPolicy['delete']): boolean {
  if (state.dead === undefined || rule === 'restore' || (state.life ?? 0) > state.dead[0]) return true;
  return rule === 'tombstone' && newestStamp(state) > state.dead[1];
}

/** The newest stamp of anything written (deletes apart); '' where nothing carries one. */
export function newestStamp(state: DocState): Stamp | '' {
  const fields = newestField(state);
  return state.whole !== undefined && state.whole[1] > fields ? state.whole[1] : fields;
}

function newestField(state: DocState): Stamp | '' {
  let newest = '';
  const see = (stamp: Stamp | undefined): void => {
    if (stamp !== undefined && stamp > newest) newest = stamp;
  };
  for (const counter of Object.values(state.counters ?? {})) {
    see(counter.genesis?.[1]);
    see(counter.shape?.[1]);
  }
  for (const register of Object.values(state.registers ?? {})) see(register[1]);
  for (const set of Object.values(state.sets ?? {})) for (const element of Object.values(set)) see(element[1]);
  for (const log of Object.values(state.logs ?? {}))
    for (const cells of Object.values(log.added)) for (const cell of Object.values(cells)) see(cell[1]);
  see(state.form?.[1]);
  return newest;
}

/** The view, or undefined where there is no document: nothing known of it, or deleted. `base` gives the key order. */
export function render(state: DocState, rule: KindPolicy['delete'], base?: Json): View | undefined {
  if (!isAlive(state, rule)) return undefined;
  const [text, written] = state.whole ?? [null, ''];
  const counters = Object.entries(state.counters ?? {});
  if (text !== null && written >= newestField(state) && counters.length === 0) return { kind: 'text', text };
  // A tombstone that was outlived still hides what was written before it; counters survive it.
  const since = rule === 'restore' ? '' : (state.dead?.[1] ?? '');
  const values = new Map<string, Value>();
  const put = (path: string, json: Json, from: Value['from'] = 'other', stamp: Stamp | '' = ''): void => {
    // The counter at a path shows, whatever else is there: nobody's other value may stand where money is expected.
    if (from === 'counter' || values.get(path)?.from !== 'counter') values.set(path, { json, from, stamp });
  };
  for (const [path, counter] of counters) {
    const shape = counter.shape?.[0] ?? 'number';
    put(isBox(shape) ? childPath(path, COUNTER_BOX_KEY) : path, counterJson(counterValue(counter), shape), 'counter');
  }
  for (const [path, numbers] of Object.entries(state.max ?? {}))
    put(path, scalar(Object.values(numbers).reduce(greater)));
  for (const [path, set] of Object.entries(state.sets ?? {})) put(path, renderSet(set, since));
  for (const [path, log] of Object.entries(state.logs ?? {})) put(path, renderLog(log));
  for (const [path, [value, stamp]] of Object.entries(state.registers ?? {}))
    if (value !== null && stamp > since) put(path, parseJson(value) as Json, 'register', stamp);
  if (values.size === 0 && state.form === undefined && state.registers === undefined) return undefined;
  return { kind: 'json', value: assemble(values, state, base) };
}

function greater(a: string, b: string): string {
  const order = compare(b, a);
  return order > 0 || (order === 0 && b > a) ? b : a;
}

function counterJson(value: Amount, shape: Shape): JsonScalar {
  return scalar(shape === 'string' || shape === 'box-string' ? JSON.stringify(value) : value);
}

function renderSet(set: SetState, since: Stamp | ''): Json {
  const present = Object.entries(set).filter(([, element]) => element[0] === 1 && element[1] > since);
  present.sort(([ta, a], [tb, b]) => (a[1] !== b[1] ? (a[1] < b[1] ? -1 : 1) : a[2] - b[2] || (ta < tb ? -1 : 1)));
  return { kind: 'array', items: present.map(([text]) => parseJson(text) as Json) };
}

type Value = { readonly json: Json; readonly from: 'counter' | 'register' | 'other'; readonly stamp: Stamp | '' };

/** A branch of the tree being built: a value of its own, or what lies below it. */
type Node = { value?: Value; readonly children: Map<string, Node> };

function assemble(values: ReadonlyMap<string, Value>, state: DocState, base: Json | undefined): Json {
  const whole = values.get('');
  if (whole !== undefined && ![...values.values()].some(({ from }) => from === 'counter')) return whole.json;
  const hidden = hiddenPaths(values);
  const root: Node = { children: new Map() };
  for (const path of [...(state.form?.[0].order ?? []), ...[...values.keys()].sort()]) {
    const value = values.get(path);
    if (value === undefined || path === '' || hidden.has(path)) continue;
    let node = root;
    for (const key of pathKeys(path)) {
      let child = node.children.get(key);
      if (child === undefined) {
        child = { children: new Map() };
        node.children.set(key, child);
      }
      node = child;
    }
    node.value = value;
  }
  return build(root, base);
}

/**
 * Where one site wrote `profile: "x"` and another `profile: {"a": 1}` at the same time, both paths hold a value: the
 * later write hides the other. Counters, sets, logs and maxima are written back over plain values, as where the key is
 * missing (`"stats": []` is PHP's empty object); of two of them the upper one shows, but nothing hides a counter.
 */
function hiddenPaths(values: ReadonlyMap<string, Value>): ReadonlySet<string> {
  const hidden = new Set<string>();
  for (const [path, mine] of values) {
    for (let cut = path.lastIndexOf('/'); cut > 0; cut = path.lastIndexOf('/', cut - 1)) {
      const above = path.slice(0, cut);
      const theirs = values.get(above);
      if (theirs === undefined) continue;
      hidden.add(isHidden(mine, theirs) ? path : above);
    }
  }
  return hidden;
}

function isHidden(lower: Value, upper: Value): boolean {
  if (upper.from === 'counter' || lower.from === 'counter') return upper.from === 'counter';
  return upper.from !== 'register' || (lower.from === 'register' && upper.stamp >= lower.stamp);
}

function build(node: Node, base: Json | undefined): Json {
  if (node.value !== undefined) return keepSpelling(node.value, base);
  const before = base?.kind === 'object' ? base.entries : undefined;
  const entries = new Map<string, Json>();
  for (const key of before?.keys() ?? []) {
    const child = node.children.get(key);
    if (child !== undefined) entries.set(key, build(child, before?.get(key)));
  }
  for (const [key, child] of node.children) if (!entries.has(key)) entries.set(key, build(child, before?.get(key)));
  return { kind: 'object', entries };
}

/** The base's own spelling where it means the same: 5000.0 stays 5000.0, 0.30000000000000004 stays as PHP wrote it. */
function keepSpelling({ json, from }: Value, base: Json | undefined): Json {
  if (base === undefined) return json;
  if (sameJson(json, base)) return base;
  if (json.kind === 'array' && base.kind === 'array') {
    const spelled = new Map(base.items.map((item) => [entryText(item), item]));
    return { kind: 'array', items: json.items.map((item) => spelled.get(entryText(item)) ?? item) };
  }
  if (from !== 'counter' || json.kind !== 'scalar' || base.kind !== 'scalar') return json;
  const [mine, theirs] = [stringOf(json), stringOf(base)];
  if ((mine === undefined) !== (theirs === undefined)) return json;
  return parseAmount(theirs ?? base.text) === (mine ?? json.text) ? base : json;
}

/** Whether a live document already shows the view: order inside sets and logs, and spelling, make no difference. */
export function shows(live: Json, view: Json, isUnordered: (path: string) => boolean, path = ''): boolean {
  if (live.kind === 'array' && view.kind === 'array' && isUnordered(path)) {
    const [a, b] = [live.items.map(entryText).sort(), view.items.map(entryText).sort()];
    return a.length === b.length && a.every((text, i) => text === b[i]);
  }
  if (live.kind !== 'object' || view.kind !== 'object') return sameJson(live, view);
  if (live.entries.size !== view.entries.size) return false;
  for (const [key, item] of view.entries) {
    const mine = live.entries.get(key);
    if (mine === undefined || !shows(mine, item, isUnordered, childPath(path, key))) return false;
  }
  return true;
}

/** The text of a view in a style; the state's own style where the site has none yet. */
export function viewText(view: View, style: Style | undefined, state: DocState): string {
  if (view.kind === 'text') return view.text;
  return printJson(view.value, style ?? state.form?.[0].style ?? PHP_PRETTY);
}
