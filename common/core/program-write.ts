/**
 * What a site's own code would have written beside an amount that a program changes: an entry in each of the file's
 * transaction lists, in the shape, at the end and within the cap of that list, and `last_updated`, `last_source` and
 * `last_server` where the file has them. A list that is not there is not begun.
 */
import { type Amount, add, compare, ZERO } from './amount.js';
import { entryText, entryTime } from './entry.js';
import { type Json, type JsonObject, parseJson, scalar, stringOf } from './json.js';
import { DEFAULT_CAP, logEntries } from './log.js';
import { diffLog } from './log-diff.js';
import type { Stamp } from './stamp.js';
import { type DocState, EMPTY, type LogForm, type LogState, type ReplicaId, replicaSite } from './state.js';
import { PHP_PRETTY } from './style.js';

export type ProgramChange = {
  readonly amount: Amount;
  /** Before the change. */
  readonly balance: Amount;
  readonly source: string;
  readonly description: string;
  /** Milliseconds since 1970. */
  readonly at: number;
};

type By = { readonly replica: ReplicaId; readonly stamp: Stamp };

/** The first words of a document that begins with a program's change; the amount is added by the caller. */
export function newBalance(user: string, path: string, at: number, stamp: Stamp): DocState {
  const order = ['/user_id', path, '/last_updated'];
  return {
    ...EMPTY,
    counters: { [path]: { by: {}, shape: ['number', stamp] } },
    registers: {
      '/user_id': [JSON.stringify(user), stamp],
      '/last_updated': [String(Math.floor(at / 1000)), stamp],
    },
    form: [{ order, style: PHP_PRETTY }, stamp],
  };
}

/** The state with everything but the amount itself. */
export function writeBeside(state: DocState, change: ProgramChange, by: By): DocState {
  const registers = { ...state.registers };
  const set = (path: string, text: string | undefined): void => {
    if (text !== undefined) registers[path] = [text, by.stamp];
  };
  const updated = registers['/last_updated']?.[0];
  if (updated) set('/last_updated', timeLike(updated, change.at));
  if (registers['/last_source']?.[0]) set('/last_source', JSON.stringify(change.source));
  if (registers['/last_server']?.[0]) set('/last_server', JSON.stringify(replicaSite(by.replica)));
  const logs: Record<string, LogState> = {};
  for (const [path, log] of Object.entries(state.logs ?? {})) logs[path] = withEntry(path, log, change, by);
  return { ...state, ...(state.registers && { registers }), ...(state.logs && { logs }) };
}

function withEntry(path: string, log: LogState, change: ProgramChange, by: By): LogState {
  const oldestFirst = logEntries(log);
  const last = oldestFirst.at(-1);
  const template = last === undefined ? undefined : parseJson(last);
  const text = entryText(entryLike(template, path, change, by));
  const form = formOf(log.form?.[0], oldestFirst, template);
  const next = [...oldestFirst, text].slice(-Math.max(1, form.cap));
  const inOrder = (texts: readonly string[]): string[] => (form.newest === 'first' ? [...texts].reverse() : [...texts]);
  return diffLog(log, inOrder(oldestFirst), inOrder(next), by.replica, by.replica, by.stamp);
}

/** Caps of the sites' own writers, by what their entries look like. */
const CAP_OF_BALANCES = 10;
const CAP_OF_AD_VIEWS = 10;
const CAP_WITH_DATE = 50;

/** How many entries the list keeps, and at which end the newest stands: as seen, or as its writer is known to do it. */
function formOf(seen: LogForm | undefined, oldestFirst: readonly string[], template: Json | undefined): LogForm {
  const fields: ReadonlyMap<string, Json> = template?.kind === 'object' ? template.entries : new Map();
  const type = fields.get('type');
  const isAdView = type !== undefined && stringOf(type) === 'ad_view';
  const newest = isAdView && oldestFirst.length === 1 ? 'last' : (seen?.newest ?? 'first');
  if (seen !== undefined && seen.cap !== DEFAULT_CAP) return { newest, cap: seen.cap };
  let cap = DEFAULT_CAP;
  if (isAdView) cap = CAP_OF_AD_VIEWS;
  else if (fields.has('old_balance')) cap = CAP_OF_BALANCES;
  else if (fields.has('date')) cap = CAP_WITH_DATE;
  return { newest, cap: Math.max(cap, oldestFirst.length) };
}

const DEFAULTS: Readonly<Record<string, string>> = {
  '/transactions': '{"timestamp":1,"type":"credit","old_balance":0,"new_balance":0,"change":0,"description":""}',
  '/recent_transactions': '{"amount":0,"description":"","timestamp":1,"date":"1970-01-01 00:00:01"}',
};
const OTHERWISE = '{"amount":0,"description":"","timestamp":1}';

function entryLike(template: Json | undefined, path: string, change: ProgramChange, { replica }: By): JsonObject {
  const isLike = template?.kind === 'object' && (template.entries.has('amount') || template.entries.has('change'));
  const like = isLike ? template : (parseJson(DEFAULTS[path] ?? OTHERWISE) as JsonObject);
  const entries = new Map<string, Json>();
  for (const [key, old] of like.entries) {
    const value = textOf(key, old, change, replicaSite(replica));
    if (value !== undefined) entries.set(key, scalar(value));
  }
  // Without a time of its own the list would be no list any more.
  if (entryTime(entryText({ kind: 'object', entries })) === undefined)
    entries.set('timestamp', scalar(String(Math.floor(change.at / 1000))));
  return { kind: 'object', entries };
}

/** JSON text of one field of an entry; undefined for what only the site's own code could know. */
function textOf(key: string, old: Json, change: ProgramChange, site: string): string | undefined {
  switch (key) {
    case 'amount':
    case 'change':
      return change.amount;
    case 'old_balance':
      return change.balance;
    case 'new_balance':
      return add(change.balance, change.amount);
    case 'description':
      return JSON.stringify(change.description === '' ? change.source : change.description);
    case 'source':
      return JSON.stringify(change.source);
    case 'server':
    case 'server_id':
    case 'site':
      return JSON.stringify(site);
    case 'type':
      return JSON.stringify(typeLike(stringOf(old), change));
    case 'timestamp':
    case 'time':
    case 'date':
    case 'created_at':
      return old.kind === 'scalar' ? timeLike(old.text, change.at) : undefined;
    default:
      return undefined;
  }
}

function typeLike(old: string | undefined, { amount, source }: ProgramChange): string {
  const isCredit = compare(amount, ZERO) >= 0;
  if (old === 'credit' || old === 'debit') return isCredit ? 'credit' : 'debit';
  if (old === 'earn' || old === 'spend') return isCredit ? 'earn' : 'spend';
  return source;
}

const MILLISECONDS_FROM = 100_000_000_000;

/** The time in the form of an older one (JSON text): seconds, milliseconds, either in a string, or ISO-like; undefined for others. */
function timeLike(old: string, at: number): string | undefined {
  const text = stringOf(scalar(old));
  const digits = text ?? old;
  if (/^\d+(?:\.\d+)?$/.test(digits)) {
    const now = String(Math.floor(Number(digits) < MILLISECONDS_FROM ? at / 1000 : at));
    return text === undefined ? now : JSON.stringify(now);
  }
  const form = /^\d{4}-\d{2}-\d{2}([T ])?(\d{2}:\d{2})?(:\d{2})?(\.\d+)?(Z|[+-]\d{2}:?\d{2})?$/.exec(text ?? '');
  if (form === null) return undefined;
  const [, gap = '', , seconds = '', fraction = '', zone = ''] = form;
  const iso = new Date(at).toISOString();
  let now = iso.slice(0, 10);
  if (gap !== '') now += gap + iso.slice(11, seconds === '' ? 16 : 19);
  if (fraction !== '') now += iso.slice(19, 23);
  if (zone !== '') now += zone === 'Z' ? 'Z' : zone.includes(':') ? '+00:00' : '+0000';
  return JSON.stringify(now);
}
