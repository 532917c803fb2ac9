/** What an import would do with each file: new here, the same, different, or refused. Looks only. */
import fs from 'node:fs';
import path from 'node:path';
import { readContent, type Valid } from '../../common/core/content.js';
import { fieldsOf } from '../../common/core/fields.js';
import { compactText } from '../../common/core/json.js';
import { isDocumentName, parseDocumentPath } from '../../common/core/names.js';
import type { PathPolicies } from '../../common/core/policy.js';
import { showsView } from '../../common/replica/absorb.js';
import type { LiveFiles } from '../../common/replica/live-files.js';
import { UsageError } from '../exit.js';

export type Source =
  | { readonly document: string; readonly file: string }
  | { readonly refused: string; readonly file: string };

export type Verdict =
  | { readonly is: 'new'; readonly text: string }
  | { readonly is: 'same' }
  /** `print` of the live file that was compared. */
  | { readonly is: 'different'; readonly text: string; readonly print: string; readonly what: string }
  | { readonly is: 'refused'; readonly why: string };

/** Files that hold what somebody earned, under a name that is nobody's: a person must look at them. */
const CONFLICT = /sync-conflict|\(conflict|conflicted copy/i;

/**
 * Every file that was named: a folder of kinds, a folder of one kind, or single files. What sites leave beside their
 * documents (locks, backups, hidden files) is passed over.
 */
export function* sourcesOf(named: readonly string[], kinds: readonly string[], asKind?: string): Generator<Source> {
  for (const one of named) {
    const stat = fs.lstatSync(one, { throwIfNoEntry: false });
    if (stat === undefined) throw new UsageError(`there is no ${one}`);
    if (!stat.isDirectory()) {
      yield sourceOf(one, asKind ?? path.basename(path.dirname(path.resolve(one))), kinds) ?? {
        file: one,
        refused: 'its name is none of a document: letters, digits, . _ and -, ending in .txt',
      };
      continue;
    }
    const own = asKind ?? kinds.find((kind) => path.resolve(one).endsWith(`/${kind}`));
    if (own !== undefined) yield* filesIn(one, own, kinds);
    else {
      const here = kinds.filter((kind) => fs.existsSync(path.join(one, kind)));
      if (here.length === 0)
        throw new UsageError(`${one} holds none of ${kinds.join(', ')}: name the folder that does, or say --kind`);
      for (const kind of here) yield* filesIn(path.join(one, kind), kind, kinds);
    }
  }
}

function* filesIn(folder: string, kind: string, kinds: readonly string[]): Generator<Source> {
  const dir = fs.opendirSync(folder);
  try {
    for (let entry = dir.readSync(); entry !== null; entry = dir.readSync()) {
      if (entry.isDirectory()) continue;
      const source = sourceOf(path.join(folder, entry.name), kind, kinds);
      if (source !== undefined) yield source;
    }
  } finally {
    dir.closeSync();
  }
}

function sourceOf(file: string, kind: string, kinds: readonly string[]): Source | undefined {
  const name = path.basename(file);
  if (!kinds.includes(kind)) return { file, refused: `${kind} is none of this site's kinds: ${kinds.join(', ')}` };
  const document = parseDocumentPath(kind, name);
  if (document !== undefined && isDocumentName(document)) return { document, file };
  if (CONFLICT.test(name))
    return { file, refused: 'a conflict copy: nobody knows whose it is; see what it holds, and rename it' };
  return undefined;
}

export function judge(files: LiveFiles, document: string, file: string, policies: PathPolicies): Verdict {
  const source = read(files, file, policies);
  if (typeof source === 'string') return { is: 'refused', why: source };
  const look = files.look(document);
  if (look.kind === 'missing') return { is: 'new', text: source.text };
  if (look.kind === 'refused') return { is: 'refused', why: `the live file here: ${look.reason}` };
  if (look.text === source.text) return { is: 'same' };
  const live = readContent(look.text, policies);
  if (live.kind === 'invalid') return { is: 'refused', why: `the live file here: ${live.reason}` };
  if (showsView(live, source.content, policies)) return { is: 'same' };
  return { is: 'different', text: source.text, print: look.print, what: difference(live, source.content, policies) };
}

function read(files: LiveFiles, file: string, policies: PathPolicies): { text: string; content: Valid } | string {
  const look = files.lookAt(file);
  if (look.kind === 'missing') return 'it is gone';
  if (look.kind === 'refused') return look.reason;
  const content = readContent(look.text, policies);
  return content.kind === 'invalid' ? content.reason : { text: look.text, content };
}

/** `balance 100 → 120, email, roles` */
function difference(live: Valid, source: Valid, policies: PathPolicies): string {
  if (live.kind !== 'json' || source.kind !== 'json') return 'its content';
  const [here, there] = [fieldsOf(live.value, policies), fieldsOf(source.value, policies)];
  const amounts: string[] = [];
  const others: string[] = [];
  for (const path of new Set([...here.keys(), ...there.keys()])) {
    const [mine, theirs] = [here.get(path), there.get(path)];
    const name = path.slice(1);
    if (mine?.policy === 'counter' || theirs?.policy === 'counter') {
      const [from, to] = [mine, theirs].map((field) => (field?.policy === 'counter' ? field.value : 'nothing'));
      if (from !== to) amounts.push(`${name} ${from} → ${to}`);
    } else if (JSON.stringify(plain(mine)) !== JSON.stringify(plain(theirs))) others.push(name);
  }
  return [...amounts, ...others].join(', ') || 'its form';
}

function plain(field: unknown): unknown {
  const { policy, value, ...rest } = (field ?? {}) as { policy?: string; value?: Parameters<typeof compactText>[0] };
  return { policy, ...rest, ...(value !== undefined && { text: compactText(value) }) };
}
