/** What must be true after a quiet period, on every site (invariants by the numbers of FILE_SYNC_STRATEGY.md). */
import fs from 'node:fs';
import type { SimulatedSite } from './daemon.js';
import { ANDY, BORN, bio, entryId, LOOSE, level, numberAt, PROFILE, role, TOKENS } from './documents.js';
import type { Finding, Ledger } from './ledger.js';
import { PROGRAM } from './programs.js';
import type { World } from './world.js';

type Shown = {
  readonly site: SimulatedSite;
  readonly text: string | undefined;
  readonly content: unknown;
  readonly isTorn: boolean;
};

export function checkAll(world: World): Finding[] {
  const findings: Finding[] = [...world.findings];
  const living = world.members;
  const say = (check: string, text: string): void => {
    findings.push({ check, text });
  };
  const documents = new Set([...world.ledgers.map(({ document }) => document), LOOSE, ...TOKENS, ...BORN]);
  for (const document of documents) {
    // What a power cut left torn stays so until the next change (section 10); its state must be like the others'.
    const shown = living
      .map((site) => show(site, document))
      .filter((one) => !(one.isTorn && one.site.hadPowerCut && !isDaemons(one.site, document)));
    const texts = shown.map(({ site, content }) => `${site.name}: ${canonical(content)}`);
    if (new Set(shown.map(({ content }) => canonical(content))).size > 1)
      say('I2 same files', `${document} differs: ${texts.join(' | ')}`);
    const states = living.map((site) => canonical(site.stateOf(document)));
    if (new Set(states).size > 1) say('I2 same states', `${document} differs: ${states.join(' | ')}`);
    const ledger = world.ledgers.find((one) => one.document === document);
    if (ledger !== undefined && shown[0] !== undefined)
      findings.push(...checkTotal(ledger, shown[0], world.deleted.has(document)));
  }
  for (const [token, { isDead }] of world.tokens) {
    const there = living.filter((site) => fs.existsSync(site.file(token)));
    if (isDead === 'yes' && there.length > 0)
      say('deleted tokens', `${token} lives on at ${there.map(({ name }) => name)}`);
  }
  for (const site of living) {
    const left = site.leftovers();
    if (left.length > 0) say('nothing left behind', left.join(', '));
    const refused = site.withStore((store) => store.unsettled());
    if (refused !== undefined && refused.length > 0 && !site.hadPowerCut)
      say('nothing left behind', `${site.name}: unsettled ${refused}`);
  }
  for (const [file, text] of world.litter)
    if (!fs.existsSync(file) || fs.readFileSync(file, 'utf8') !== text)
      say('I6 files of others', `${file} was touched`);
  return findings;
}

/** Whether what a file holds was written by the daemon, which syncs what it writes. */
function isDaemons({ machine }: SimulatedSite, document: string): boolean {
  return machine.disk.find(['userdata', ...`${document}.txt`.split('/')])?.isDaemons === true;
}

function show(site: SimulatedSite, document: string): Shown {
  const file = site.file(document);
  const text = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : undefined;
  try {
    return { site, text, content: text === undefined ? undefined : JSON.parse(text), isTorn: false };
  } catch {
    return { site, text, content: text, isTorn: !(TOKENS as readonly string[]).includes(document) || text === '' };
  }
}

/** The total, and what was written together with each amount: all of an operation is there, or nothing. */
function checkTotal(ledger: Ledger, { text, content }: Shown, mayBeGone: boolean): Finding[] {
  const total = numberAt(ledger, content);
  const { document } = ledger;
  if (total === undefined) {
    if (mayBeGone) return [];
    const isExpected = ledger.genesis > 0 || ledger.operations.some(({ standing }) => standing === 'must');
    return isExpected ? [{ check: 'I1 lost', text: `${document} shows no amount: ${text}` }] : [];
  }
  const findings = ledger.check(total);
  if (findings.length > 0) return findings;
  const say = (what: string): void => {
    findings.push({ check: 'I1 whole operations', text: `${document}: ${what} (${text})` });
  };
  const counted = ledger.operations.filter(({ standing }) => standing === 'must');
  if (document === ANDY) {
    const { recent_transactions: list } = content as { recent_transactions: { id?: string; amount: number }[] };
    // A program's entry has the shape of the one before it, which may leave no room for a name: its amount is its own.
    const ids = list.map(({ id, amount }) => id ?? `program ${amount}`).sort();
    const wanted = counted
      .map((operation) => (operation.how === PROGRAM ? `program ${ledger.amount(operation)}` : entryId(operation)))
      .sort();
    if (ids.join() !== wanted.join()) say(`entries ${ids} instead of ${wanted}`);
  }
  if (document !== PROFILE || mayBeGone) return findings;
  const profile = content as { roles: string[]; bio: string; level: number };
  const roles = ['user', ...counted.map(role)].sort();
  if ([...profile.roles].sort().join() !== roles.join()) say(`roles ${profile.roles} instead of ${roles}`);
  if (!['', ...counted.map(bio)].includes(profile.bio)) say(`bio ${profile.bio} is nobody's`);
  if (profile.level !== Math.max(1, ...counted.map(level))) say(`level ${profile.level}`);
  return findings;
}

/** Text that is equal for equal values, whatever the order of keys and of lists. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).sort().join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'nothing';
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return `{${entries
    .map(([key, item]) => `${key}:${canonical(item)}`)
    .sort()
    .join()}}`;
}
