/**
 * `axle miner statement`, `held`, `credits`, `users`: what was mined, for whom, and what waits for a person. They look into
 * the agent's database, whether it runs or not; what they change, it sees with its next round.
 */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { loadMinerConfig } from '../../miner/config/config.js';
import { heldOf, reject, release } from '../../miner/shares/held.js';
import { type OwnedWorker, ownersOf } from '../../miner/shares/owners.js';
import { retryRefused } from '../../miner/shares/refused.js';
import { dayOf, hasRealDay, type StatementRow, statementOf } from '../../miner/shares/statement.js';
import { isUser, workerNameOf } from '../../miner/shares/words.js';
import type { CreditRow, CreditState } from '../../miner/store/credits.js';
import { UsageError } from '../exit.js';
import { changeStore, readStore } from '../fleet-store.js';

type Common = { readonly config: string; readonly json?: true };

const STATEMENT = `
Amounts are what the site has taken; "owed" is still to be sent. With --day, the rows agree with the site's own
GET /v1/miner-credits?group=day to the last digit. Days are UTC. (est.): counted in shares, the difficulty is an estimate.

Examples:
  axle miner statement --config /etc/axle/miner.yaml
  axle miner statement --config /etc/axle/miner.yaml --user 1-andy --day --from 2026-01-01 --to 2026-02-01
  axle miner statement --config /etc/axle/miner.yaml --miner aa:bb:cc:00:11:22 --json`;

const HELD = `
Work is held where it does not fit the hashrate that its miner reports, or what its pool has seen. It is no credit until it is
released, and never one once it is rejected.

Examples:
  axle miner held list --config /etc/axle/miner.yaml
  axle miner held release 12 13 --config /etc/axle/miner.yaml
  axle miner held reject --all --reason "not mined here" --config /etc/axle/miner.yaml`;

const CREDITS = `
Examples:
  axle miner credits list --state refused --config /etc/axle/miner.yaml
  axle miner credits retry 7 --config /etc/axle/miner.yaml    by the users and the rate of now`;

const USERS = `
A worker is what stands behind the address at the pool, or a miner's MAC. What is said here comes before the table and the rules
of the config. Work that had no user becomes credits at once, each period for itself. A site takes any user: look over the list for
one that nobody has, and see the balance in the agent's log (AXL-CREDIT-FIRST).

Examples:
  axle miner users list --config /etc/axle/miner.yaml        by user, with the workers that are nobody's
  axle miner users set rig1 1-andy --config /etc/axle/miner.yaml
  axle miner users remove rig1 --config /etc/axle/miner.yaml`;

export function addMinerMoney(miner: Command): void {
  withConfig(miner.command('statement'))
    .description('what was mined and credited, by user and miner')
    .option('--user <user>', 'of one user, as the sites name them', parseUser)
    .option('--miner <name>', 'of one miner, by its MAC or what else the sites know it by', parseWorker)
    .option('--day', 'by day')
    .option('--from <time>', 'from this day or time on', parseTime)
    .option('--to <time>', 'before this day or time', parseTime)
    .option('--json', 'as JSON, one line each')
    .addHelpText('after', STATEMENT)
    .action(statement);

  const held = miner.command('held').description('work that a person must look at').addHelpText('after', HELD);
  withConfig(held.command('list').description('all of it')).option('--json', 'as JSON, one line each').action(listHeld);
  for (const [name, does] of [
    ['release', 'credits it'],
    ['reject', 'never credits it'],
  ] as const)
    withConfig(held.command(name).description(does))
      .argument('[ids...]', 'as listed', parseIds)
      .option('--all', 'everything that is held')
      .option('--reason <text>', 'kept with it', 'rejected by a person')
      .action((ids: number[] | undefined, options: DecideOptions) => decide(name, ids ?? [], options));

  const credits = miner.command('credits').description('what is owed to users').addHelpText('after', CREDITS);
  withConfig(credits.command('list').description('the newest'))
    .addOption(new Option('--state <state>', 'of one state').choices(['owed', 'paid', 'refused']))
    .option('--user <user>', 'of one user', parseUser)
    .option('--limit <n>', 'how many', parseId, 50)
    .option('--json', 'as JSON, one line each')
    .action(listCredits);
  withConfig(credits.command('retry').description('makes refused ones again, once what was wrong is put right'))
    .argument('<ids...>', 'as listed', parseIds)
    .action(retry);

  const users = miner.command('users').description('whose each worker is').addHelpText('after', USERS);
  withConfig(users.command('list').description("every user's workers, and those that are nobody's"))
    .option('--json', 'as JSON, one line each')
    .action(listUsers);
  withConfig(users.command('set').description('says whose a worker is'))
    .argument('<worker>', "a worker's name at its pool, or a miner's MAC", parseWorker)
    .argument('<user>', 'as the sites name them: 1-andy', parseUser)
    .action((worker: string, user: string, options: Common) =>
      changeStore(options, (store) => {
        store.workerUsers.put({ worker, user, created_at: Date.now() });
        say(`${worker}: ${user}`);
      }),
    );
  withConfig(users.command('remove').description('forgets what was said of a worker'))
    .argument('<worker>', 'as listed', parseWorker)
    .action((worker: string, options: Common) =>
      changeStore(options, (store) => {
        if (!store.workerUsers.remove(worker)) throw new Error(`nothing was said of ${worker}`);
        say(`${worker}: forgotten`);
      }),
    );
}

function withConfig(command: Command): Command {
  return command.requiredOption('-c, --config <file>', "the agent's miner.yaml");
}

type StatementOptions = Common & {
  readonly user?: string;
  readonly miner?: string;
  readonly day?: true;
  readonly from?: number;
  readonly to?: number;
};

function statement(options: StatementOptions): void {
  const { user, miner, from, to, day, json } = options;
  if (from !== undefined && to !== undefined && from >= to)
    throw new UsageError('axle miner statement: --from must be before --to');
  readStore(options, (store) => {
    const rows = statementOf(store, {
      ...(user !== undefined && { user }),
      ...(miner !== undefined && { miner }),
      ...(from !== undefined && { from }),
      ...(to !== undefined && { to }),
      ...(day && { group: 'day' }),
    });
    if (json) return sayAll(rows);
    if (rows.length === 0) say('Nothing was credited.');
    for (const row of rows) say(statementLine(row));
  });
}

function statementLine({
  day,
  user,
  miner,
  amount,
  difficulty,
  credits,
  owed,
  refused,
  is_estimate,
}: StatementRow): string {
  const more = [
    ...(owed === '0' ? [] : [`owed ${owed}`]),
    ...(refused === '0' ? [] : [`refused ${refused}`]),
    ...(is_estimate ? ['(est.)'] : []),
  ];
  const times = `${credits} ${credits === 1 ? 'credit' : 'credits'}`;
  const columns = [...(day === undefined ? [] : [day]), user.padEnd(16), miner.padEnd(17), amount.padStart(18)];
  return [...columns, `for difficulty ${difficulty} in ${times}`, ...more].join('  ');
}

function listHeld(options: Common): void {
  readStore(options, (store) => {
    const rows = heldOf(store);
    if (options.json) return sayAll(rows);
    if (rows.length === 0) say('Nothing is held.');
    for (const { id, miner, worker, from, to, difficulty, reason } of rows)
      say(`${id}  ${timeOf(from)} – ${timeOf(to)}  ${miner}  ${worker}  difficulty ${difficulty}: ${reason}`);
  });
}

type DecideOptions = Common & { readonly all?: true; readonly reason: string };

function decide(what: 'release' | 'reject', ids: readonly number[], options: DecideOptions): void {
  if ((ids.length === 0) === (options.all === undefined))
    throw new UsageError(`axle miner held ${what}: name the ids of held work, or --all`);
  changeStore(options, (store) => {
    const chosen = options.all ? heldOf(store).map(({ id }) => id) : [...new Set(ids)];
    const done = what === 'release' ? release(store, chosen) : reject(store, chosen, options.reason);
    say(`${what === 'release' ? 'released' : 'rejected'}: ${done}`);
    if (done < chosen.length) throw new Error(`not held (any more): ${chosen.length - done} of them`);
  });
}

type CreditsOptions = Common & { readonly state?: CreditState; readonly user?: string; readonly limit: number };

function listCredits(options: CreditsOptions): void {
  const { state, user, limit, json } = options;
  readStore(options, (store) => {
    const rows = store.credits.list({
      limit,
      ...(state !== undefined && { state }),
      ...(user !== undefined && { user }),
    });
    if (json) return sayAll(rows);
    if (rows.length === 0) say('There are none.');
    for (const row of rows) say(creditLine(row));
  });
}

function creditLine({ id, state, from_s, to_s, user, miner, worker, amount, error }: CreditRow): string {
  const why = error === null ? '' : `: ${error}`;
  return `${id}  ${state}  ${timeOf(from_s)} – ${timeOf(to_s)}  ${user}  ${amount}  ${miner}  ${worker}${why}`;
}

function retry(ids: readonly number[], options: Common): void {
  changeStore(options, (store) => {
    const done = retryRefused(store, ids);
    say(`made again: ${done}`);
    if (done < ids.length)
      throw new Error(`${ids.length - done} are not refused (any more), or their time is somebody's already`);
  });
}

function listUsers(options: Common): void {
  const { credit } = loadMinerConfig(options.config);
  readStore(options, (store) => {
    const { owned, nobodys } = ownersOf(store, credit?.users ?? { table: {}, rules: [] });
    if (options.json) return sayAll([...owned, ...nobodys]);
    for (const one of owned) say(ownedLine(one));
    for (const { worker, worker_key, pool_user } of nobodys)
      say(`${worker}  nobody's: not credited  (miner ${worker_key}, as ${pool_user})`);
    if (owned.length + nobodys.length === 0) say('Nothing was said, and no work waits for it.');
  });
}

function ownedLine({ user, worker, miner, by, paid_from_s }: OwnedWorker): string {
  const paid = paid_from_s === undefined ? 'nothing paid yet' : `paid since ${timeOf(paid_from_s)}`;
  const who = miner === undefined || miner === worker ? worker : `${worker} of ${miner}`;
  return `${user.padEnd(16)}  ${paid}  ${who}  (${by ?? 'not any more'})`;
}

function timeOf(at_s: number): string {
  return `${dayOf(at_s)} ${new Date(at_s * 1_000).toISOString().slice(11, 19)}`;
}

function parseTime(text: string): number {
  const at = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d)?Z)?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at) || !hasRealDay(text))
    throw new InvalidArgumentError('must be a day of the calendar or a time in UTC: 2026-01-31 or 2026-01-31T12:00Z.');
  return Math.floor(at / 1_000);
}

function parseUser(text: string): string {
  if (!isUser(text)) throw new InvalidArgumentError('must be a user as the sites name it, such as 1-andy.');
  return text;
}

function parseWorker(text: string): string {
  if (text === '' || text.length > 128) throw new InvalidArgumentError('must be 1 to 128 characters.');
  return workerNameOf(text);
}

function parseId(text: string): number {
  const id = Number(text);
  if (!/^\d{1,15}$/.test(text) || id === 0) throw new InvalidArgumentError('must be a number above 0.');
  return id;
}

function parseIds(text: string, before: readonly number[] | undefined): number[] {
  return [...(before ?? []), parseId(text)];
}

function sayAll(rows: readonly object[]): void {
  for (const row of rows) say(JSON.stringify(row));
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
