/**
 * Power off at every named step, on the hub and on a spoke, while credits come from two sites at once; then start again
 * from the disk. The list of steps is walked: a new step belongs to every scenario until it is listed as out of its way.
 */
import { describe, expect, it } from 'vitest';
import type { Change, Changed } from '../replica/ledger.js';
import { STEPS, type StepName } from '../replica/steps.js';
import { Ahead } from '../testing/ahead.js';
import { CrashError, HUB, Lab, type LabSite, sleep } from '../testing/sites.js';

const ANDY = 'balances/1-andy';
const EVE = 'balances/2-eve';
const BOB = 'profiles/3-bob';
const ONLY_HUB = 'balances/4-hub';
const ONLY_SPOKE = 'balances/5-spoke';
const SPOKE = 'roflfaucet';

type Cast = {
  readonly lab: Lab;
  readonly victim: LabSite;
  readonly other: LabSite;
  readonly third: LabSite | undefined;
};

type Scenario = {
  readonly name: string;
  readonly spokes: readonly string[];
  /** Steps that the victim does not come by. */
  readonly never: readonly StepName[];
  /** Before the crash is armed. */
  readonly before: (cast: Cast) => Promise<void>;
  /** What leads the victim through its steps. */
  readonly act: (cast: Cast) => Promise<void>;
  /** While the victim is down; the amount differs between two crashes in a row. */
  readonly meanwhile: (cast: Cast, amount: number) => void;
  /** The truth afterwards, given the sum of all amounts of `meanwhile`. */
  readonly after: (cast: Cast, meanwhile: number) => Promise<void>;
};

/** Steps of changes that programs make, which writers of files never come by. */
const BY_PROGRAM = ['change: read', 'change: committed', 'rights: given'] as const;

const CHANGED: Scenario = {
  name: 'credits on all three sites at once (replaced file)',
  spokes: [SPOKE, 'clickforcharity'],
  never: ['join: settled', 'materialise: unlinking', 'materialise: unlinked', ...BY_PROGRAM],
  before: async ({ lab }) => {
    for (const site of lab.sites) site.write(ANDY, { balance: 100, last_updated: 1 });
    await lab.start();
  },
  act: async ({ victim, other, third }) => {
    victim.credit(ANDY, 10);
    other.credit(ANDY, 5);
    third?.credit(ANDY, 2);
  },
  meanwhile: ({ victim, other }, amount) => {
    other.credit(ANDY, amount);
    victim.credit(ANDY, amount);
  },
  after: async ({ lab }, meanwhile) => lab.expectBalance(ANDY, 117 + 2 * meanwhile),
};

const CREATED: Scenario = {
  name: 'a balance that is born elsewhere (new file)',
  spokes: [SPOKE],
  never: [
    'join: settled',
    'absorb: synced',
    'absorb: committed',
    'materialise: unlinking',
    'materialise: unlinked',
    ...BY_PROGRAM,
  ],
  before: async ({ lab }) => lab.start(),
  act: async ({ other }) => other.write(EVE, { balance: 50, last_updated: 1 }),
  meanwhile: ({ other }, amount) => other.credit(EVE, amount),
  after: async ({ lab }, meanwhile) => lab.expectBalance(EVE, 50 + meanwhile),
};

const REMOVED: Scenario = {
  name: 'a profile that is deleted elsewhere (removed file)',
  spokes: [SPOKE],
  never: [
    'join: settled',
    'absorb: synced',
    'absorb: committed',
    'materialise: temp written',
    'materialise: temp synced',
    'materialise: intent committed',
    'materialise: linked',
    'materialise: renamed',
    'materialise: folder synced',
    'materialise: shadow committed',
    ...BY_PROGRAM,
  ],
  before: async ({ lab, other }) => {
    await lab.start();
    other.write(BOB, { username: 'bob', level: 3 });
    await lab.same(BOB, { username: 'bob', level: 3 });
    await lab.settled();
  },
  act: async ({ other }) => other.remove(BOB),
  meanwhile: () => {},
  after: async ({ lab }) => {
    await lab.same(BOB, undefined);
    await lab.settled();
    lab.expectSame(BOB);
  },
};

const JOINED: Scenario = {
  name: 'joining with files that exist',
  spokes: [SPOKE],
  never: ['materialise: unlinking', 'materialise: unlinked', ...BY_PROGRAM],
  before: async ({ lab, victim, other }) => {
    for (const site of lab.sites) site.write(ANDY, { balance: 100 });
    lab.hub.write(ONLY_HUB, { balance: 30 });
    lab.site(SPOKE).write(ONLY_SPOKE, { balance: 70 });
    if (!victim.isHub) await other.start();
    // The spoke waits for its hub: it is ready when the hub is.
    else void other.start().catch(() => {});
  },
  act: async ({ victim, other, lab }) => {
    await victim.start();
    await lab.until('the other is ready', () => !victim.isAlive || other.site.replica.phase === 'ready');
    if (other.site.replica.phase === 'ready') other.credit(ANDY, 4);
  },
  meanwhile: () => {},
  after: async ({ lab, other }) => {
    await lab.until('the other is ready', () => other.site.replica.phase === 'ready');
    // Whether the four were credited before the crash or never, they count once.
    if (other.balanceOf(ANDY) === 100) other.credit(ANDY, 4);
    await lab.expectBalance(ANDY, 104);
    await lab.expectBalance(ONLY_HUB, 30);
    await lab.expectBalance(ONLY_SPOKE, 70);
  },
};

/** What programs changed, each under its key, and what they were told: nothing where the site died. */
type Payment = { readonly site: string; readonly change: Change; told?: Changed };
const payments = new WeakMap<Lab, Payment[]>();

/** Changes the balance by program; resolves when it is answered, whatever the answer. */
async function pay(lab: Lab, site: LabSite, amount: number): Promise<void> {
  const made = payments.get(lab) ?? [];
  const key = `key-${made.length}`;
  const once = { asker: 'token:php', key, source: 'test', description: key };
  const change = { document: ANDY, path: '/balance', amount: String(amount), ...once };
  const payment: Payment = { site: site.name, change };
  payments.set(lab, [...made, payment]);
  const answer = site.isAlive ? site.site.change(change, 1_000) : Promise.reject(new CrashError('dead'));
  // The dead never answer: their promise is left alone.
  await Promise.race([
    answer.then((told) => Object.assign(payment, { told })).catch(() => {}),
    lab.until('an answer, or a death', () => payment.told !== undefined || !site.isAlive).catch(() => {}),
  ]);
}

/** Asks again under the same key, until the answer is one that stands. */
async function askAgain(lab: Lab, { site, change }: Payment): Promise<Changed> {
  for (let tries = 0; ; tries++) {
    const told = await lab.within(lab.site(site).site.change(change, 1_000), `${change.key} is answered again`);
    if (told.ok || told.reason !== 'rights_elsewhere' || tries === 10) return told;
    await sleep(300);
  }
}

const SPENT: Scenario = {
  name: 'changes by program, some with the rights of another site, each asked for again under its key',
  spokes: [SPOKE],
  never: ['join: settled', 'absorb: synced', 'absorb: committed', 'materialise: unlinking', 'materialise: unlinked'],
  before: async ({ lab }) => {
    for (const site of lab.sites) site.write(ANDY, { balance: 100, last_updated: 1, recent_transactions: [] });
    await lab.start();
    await lab.settled();
  },
  act: async ({ lab, victim, other }) => {
    await Promise.all([pay(lab, victim, 15), pay(lab, victim, 5)]);
    await lab.until('it is known', () => !victim.isAlive || lab.hub.balanceOf(ANDY) === 120);
    // The hub has the rights to the hundred, the spoke to what it was credited: either needs the other's.
    await pay(lab, other, victim.isHub ? -120 : -110);
  },
  meanwhile: () => {},
  after: async ({ lab }) => {
    await lab.settled();
    let total = 100;
    const entries: string[] = [];
    for (const payment of payments.get(lab) ?? []) {
      const { told, change } = payment;
      const again = await askAgain(lab, payment);
      if (told?.ok) expect(again).toEqual({ ...told, isReplay: true });
      else if (told?.reason === 'insufficient_funds') expect(again).toEqual(told);
      Object.assign(payment, { told: again });
      if (!again.ok) continue;
      total += Number(change.amount);
      entries.push(change.description as string);
    }
    expect(total).toBeGreaterThanOrEqual(0);
    await lab.expectBalance(ANDY, total);
    for (const site of lab.sites) {
      const { recent_transactions } = site.value(ANDY) as { recent_transactions: { description: string }[] };
      expect(recent_transactions.map(({ description }) => description).sort()).toEqual(entries.sort());
    }
  },
};

const SCENARIOS = [CHANGED, CREATED, REMOVED, JOINED, SPENT];

function stepsOf(scenario: Scenario): StepName[] {
  return STEPS.filter((step) => !scenario.never.includes(step));
}

async function cast(scenario: Scenario, victimName: string, inMemory = true): Promise<Cast> {
  const lab = new Lab({ spokes: scenario.spokes, inMemory });
  const victim = lab.site(victimName);
  const other = victim.isHub ? lab.site(SPOKE) : lab.hub;
  const third = lab.sites.find((site) => site !== victim && site !== other);
  return { lab, victim, other, third };
}

/** Runs `work` and waits until the victim is dead. */
async function untilDead({ lab, victim }: Cast, step: StepName, work: () => Promise<void>): Promise<void> {
  await work().catch((error) => {
    if (!(error instanceof CrashError)) throw error;
  });
  await lab.until(`${victim.name} reaches "${step}"`, () => !victim.isAlive, 4_000);
}

async function crashed(scenario: Scenario, victimName: string, steps: readonly StepName[]): Promise<void> {
  const actors = await cast(scenario, victimName);
  const { lab, victim } = actors;
  try {
    await scenario.before(actors);
    let meanwhile = 0;
    for (const [index, step] of steps.entries()) {
      victim.arm(step);
      await untilDead(actors, step, () => (index === 0 ? scenario.act(actors) : victim.start()));
      scenario.meanwhile(actors, index + 1);
      meanwhile += index + 1;
    }
    await lab.within(victim.start(), `${victimName} starts from its disk`);
    await scenario.after(actors, meanwhile);
    await lab.expectClean();
    await scenario.after(actors, meanwhile);
  } finally {
    await lab.close();
  }
}

const tests = new Ahead(16);
const kindOf = (victim: string): string => (victim === HUB ? 'hub' : 'spoke');

describe.each(SCENARIOS)('I1, I3: $name', (scenario) => {
  for (const victim of [HUB, SPOKE])
    for (const step of stepsOf(scenario))
      tests.it(`the ${kindOf(victim)} is killed at "${step}"`, () => crashed(scenario, victim, [step]));
});

describe('I1, I3: two crashes in a row', () => {
  for (const [index, step] of stepsOf(CHANGED).entries()) {
    const victim = index % 2 === 0 ? HUB : SPOKE;
    tests.it(`the ${kindOf(victim)} is killed at "${step}", and there again`, () =>
      crashed(CHANGED, victim, [step, step]),
    );
  }
});

/** Writes the file of a site that is down, given the balance it shows; returns by how much it changed that. */
type Writer = (site: LabSite, doc: string, shown: number) => number;

const WRITERS: Readonly<Record<string, Writer>> = {
  'in place': (site, doc, shown) => {
    site.write(doc, { balance: shown + 7, last_updated: 2 });
    return 7;
  },
  'by rename': (site, doc, shown) => {
    site.replace(doc, { balance: shown + 7, last_updated: 2 });
    return 7;
  },
  'by rename, with the content from before': (site, doc, shown) => {
    const before = doc === ANDY ? 110 : shown;
    site.replace(doc, { balance: before, last_updated: 1 });
    return before - shown;
  },
};

describe('I3: somebody writes the file while the daemon is down after a crash', () => {
  for (const [scenario, victim] of [
    [CHANGED, SPOKE],
    [CREATED, HUB],
  ] as const)
    for (const [how, write] of Object.entries(WRITERS))
      for (const step of stepsOf(scenario).filter((one) => one.startsWith('materialise: ')))
        tests.it(`${scenario === CHANGED ? 'replaced' : 'new'} file of the ${kindOf(victim)}, ${how}: "${step}"`, () =>
          writtenWhileDown(scenario, victim, step, write),
        );
});

async function writtenWhileDown(scenario: Scenario, victimName: string, step: StepName, write: Writer): Promise<void> {
  // Whether a new file was linked is told by its change time, which on a real disk cannot stand still meanwhile.
  const actors = await cast(scenario, victimName, scenario !== CREATED);
  const { lab, victim, other } = actors;
  const doc = scenario === CHANGED ? ANDY : EVE;
  try {
    await scenario.before(actors);
    if (scenario === CHANGED) {
      // Pretty-printed by us and by the daemon alike, so that "the content from before" is so to the byte.
      victim.write(doc, { balance: 110, last_updated: 1 });
      await lab.balance(doc, 110);
    }
    victim.arm(step);
    await untilDead(actors, step, async () =>
      scenario === CHANGED ? other.credit(doc, 5) : other.write(doc, { balance: 50, last_updated: 1 }),
    );
    const change = write(victim, doc, victim.balanceOf(doc) ?? 0);
    await lab.within(victim.start(), `${victimName} starts from its disk`);
    const expected = (scenario === CHANGED ? 115 : 50) + change;
    await lab.expectBalance(doc, expected);
    await lab.expectClean();
    await lab.expectBalance(doc, expected);
  } finally {
    await lab.close();
  }
}

describe('the list of steps', () => {
  it('every step is on the way of a scenario', () => {
    for (const step of STEPS)
      expect(
        SCENARIOS.some(({ never }) => !never.includes(step)),
        step,
      ).toBe(true);
  });
});
