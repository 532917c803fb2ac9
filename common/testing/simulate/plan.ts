/** What happens in one run, decided by its seed alone: a list of steps, which can be printed, cut down and run again. */
import { Choices } from '../random.js';
import { type DeathKind, FAIR, HUB, JOINER, SPOKES, WAYS, type Way, type Weather } from './cast.js';
import { ANDY, BORN, EVE, LOOSE, PROFILE, PURSES, SOLO, TOKENS } from './documents.js';

export type Action =
  | {
      readonly do: 'change';
      readonly site: string;
      readonly document: string;
      readonly sign: 1 | -1;
      readonly way: Way;
    }
  /** Programs of several sites ask their daemons at once. `part`: see `Wish`. */
  | {
      readonly do: 'ask';
      readonly sites: readonly string[];
      readonly document: string;
      readonly sign: 1 | -1;
      readonly part: number;
      readonly patienceMs: number;
    }
  | { readonly do: 'create'; readonly site: string; readonly document: string }
  | { readonly do: 'scribble'; readonly site: string }
  | { readonly do: 'remove'; readonly site: string; readonly document: string }
  | { readonly do: 'tear'; readonly site: string; readonly document: string; readonly repairMs: number }
  /** Everything is taken at once by mistake: only where guards are on. */
  | { readonly do: 'zero'; readonly site: string; readonly document: string }
  | { readonly do: 'litter'; readonly site: string }
  | {
      readonly do: 'die';
      readonly site: string;
      readonly how: DeathKind;
      readonly afterSteps: number;
      readonly isBefore: boolean;
      readonly downMs: number;
      readonly aloneMs: number;
    }
  /** `aloneMs`: for so long the network does not reach it. */
  | { readonly do: 'restart'; readonly site: string; readonly downMs: number; readonly aloneMs: number }
  | { readonly do: 'cut off'; readonly site: string; readonly ms: number }
  | { readonly do: 'weather'; readonly weather: Weather }
  | { readonly do: 'set clock'; readonly site: string; readonly aheadMs: number }
  | { readonly do: 'lose hints'; readonly site: string; readonly share: number }
  | { readonly do: 'back up'; readonly site: string }
  | {
      readonly do: 'restore';
      readonly site: string;
      readonly isWholeMachine: boolean;
      readonly downMs: number;
      readonly aloneMs: number;
    }
  | { readonly do: 'lose state'; readonly site: string; readonly isWholeDisk: boolean; readonly downMs: number }
  | { readonly do: 'join'; readonly site: string; readonly isCopy: boolean }
  | { readonly do: 'leave'; readonly site: string }
  /** Everything is mended, everybody waits, everything is checked; what there is can be spent by the spender, if there is one. */
  | { readonly do: 'quiet'; readonly spender?: string };

export type Step = { readonly waitMs: number } & Action;

const BALANCES = [ANDY, EVE, SOLO, ...BORN];

type Kind = Exclude<Action['do'], 'quiet'>;

/** How often each kind of action is taken, beside the others; each run leaves some out altogether. */
const WEIGHTS: Readonly<Record<Kind, number>> = {
  change: 60,
  ask: 25,
  create: 5,
  scribble: 4,
  remove: 4,
  tear: 3,
  litter: 1,
  zero: 25,
  die: 12,
  restart: 3,
  'cut off': 4,
  weather: 5,
  'set clock': 3,
  'lose hints': 2,
  'back up': 2,
  restore: 4,
  'lose state': 2,
  join: 2,
  leave: 1,
};

/** What becomes of sites that do nothing but spend. */
const WHILE_SPENDING: readonly Kind[] = [
  'die',
  'restart',
  'cut off',
  'weather',
  'set clock',
  'back up',
  'restore',
  'lose state',
  'join',
  'leave',
];

/** Whether the guards are on in this run. */
export function isGuarded(seed: number): boolean {
  return new Choices(seed, 'guards').chance(0.1);
}

export function planOf(seed: number): Step[] {
  const choices = new Choices(seed, 'plan');
  const isSpending = choices.chance(0.25);
  const main = isSpending ? 'ask' : 'change';
  const others = isSpending ? WHILE_SPENDING : (Object.keys(WEIGHTS) as Kind[]).filter((kind) => kind !== main);
  const kinds = others.filter((kind) => (kind !== 'zero' || isGuarded(seed)) && choices.chance(0.6));
  const bag = kinds.flatMap((kind) => Array.from({ length: WEIGHTS[kind] }, () => kind));
  bag.push(...Array.from({ length: WEIGHTS.change }, () => main as Kind));
  const documents = isSpending ? purses(choices) : balances(choices);
  const steps: Step[] = [];
  const rounds = choices.within(1, 3);
  const backedUp = choices.of([HUB, ...SPOKES, ...SPOKES]);
  for (let round = 0; round < rounds; round++) {
    if (choices.chance(0.1)) steps.push(...relived(main, choices, documents));
    if (isSpending && choices.chance(0.25)) steps.push(...parted(choices, documents));
    if (kinds.includes('restore')) steps.push({ waitMs: 0, do: 'back up', site: backedUp });
    for (let left = choices.within(4, 14); left > 0; left--)
      steps.push({ waitMs: wait(choices), ...action(choices.of(bag), choices, documents, backedUp) });
    const isSpent = choices.chance(isSpending ? 0.5 : 0.15);
    steps.push({ waitMs: 0, do: 'quiet', ...(isSpent && { spender: choices.of([HUB, ...SPOKES]) }) });
  }
  return steps;
}

/** Much on few documents finds races, little on many finds what is forgotten. */
function balances(choices: Choices): readonly string[] {
  return choices.chance(0.4) ? [choices.of(BALANCES)] : [...BALANCES, PROFILE];
}

function purses(choices: Choices): readonly string[] {
  return choices.chance(0.7) ? [choices.of(PURSES)] : PURSES;
}

/**
 * A spoke that lives the same time twice: what it does after its backup reaches the hub, and what it does after the
 * backup was put back must be counted beside that, whether or not the hub can tell it so.
 */
function relived(main: 'ask' | 'change', choices: Choices, documents: readonly string[]): Step[] {
  const site = choices.of(SPOKES);
  const own = [choices.of(documents)];
  const downMs = choices.within(1, 300);
  const aloneMs = choices.chance(0.5) ? downMs + choices.within(4_000, 6_000) : 0;
  const act = (waitMs: number): Step => {
    const step = action(main, choices, own, site);
    return { waitMs, ...(step.do === 'ask' ? { ...step, sites: [site] } : { ...step, site }) } as Step;
  };
  return [
    { waitMs: 0, do: 'back up', site },
    act(choices.within(0, 300)),
    act(choices.within(0, 300)),
    { waitMs: choices.within(500, 1_500), do: 'restore', site, isWholeMachine: true, downMs, aloneMs },
    act(downMs + (aloneMs > 0 ? choices.within(2_200, 3_500) : choices.within(50, 1_000))),
    act(choices.within(0, 300)),
  ];
}

/**
 * A spoke that spends while it is cut off, and comes back under another incarnation: the others, who still see the money,
 * hear of that before they hear what was spent.
 */
function parted(choices: Choices, documents: readonly string[]): Step[] {
  const site = choices.of(SPOKES);
  const others = [HUB, ...SPOKES].filter((one) => one !== site);
  const document = choices.of(documents);
  const downMs = choices.within(1, 300);
  const aloneMs = downMs + choices.within(2_500, 4_000);
  const ask = (waitMs: number, sites: readonly string[], sign: 1 | -1): Step => {
    return { waitMs, do: 'ask', sites, document, sign, part: 0.9, patienceMs: choices.of([50, 500]) };
  };
  return [
    ask(0, [site], 1),
    { waitMs: choices.within(300, 1_000), do: 'cut off', site, ms: 1_000 },
    ask(choices.within(0, 50), [site], -1),
    { waitMs: choices.within(20, 200), do: 'restart', site, downMs, aloneMs },
    { waitMs: 0, do: 'weather', weather: weather(choices) },
    ask(aloneMs, others, -1),
    ...[1, 2, 3].map(() => ask(choices.within(50, 700), others, -1)),
  ];
}

function wait(choices: Choices): number {
  if (choices.chance(0.45)) return choices.within(0, 20);
  return choices.chance(0.8) ? choices.within(20, 400) : choices.within(400, 5_000);
}

function action(kind: Kind, choices: Choices, documents: readonly string[], backedUp: string): Action {
  const site = choices.of([HUB, ...SPOKES]);
  const spoke = choices.of(SPOKES);
  const anySite = choices.chance(0.1) ? JOINER : site;
  const downMs = choices.chance(0.7) ? choices.within(1, 300) : choices.within(300, 6_000);
  const aloneMs = choices.chance(0.25) ? downMs + choices.within(2_500, 5_000) : 0;
  switch (kind) {
    case 'change': {
      const document = choices.of(documents);
      const sign = document !== PROFILE && choices.chance(0.25) ? -1 : 1;
      const way = choices.of(WAYS);
      // A small amount that comes back after its file was away may have begun at zero: nobody can tell.
      const isBorn = (BORN as readonly string[]).includes(document);
      return { do: 'change', site: anySite, document, sign, way: isBorn && way === 'resave' ? 'rename' : way };
    }
    case 'ask': {
      const money = choices.chance(0.2) ? PURSES : documents.filter((one) => one !== PROFILE);
      const sites = [HUB, ...SPOKES, ...(choices.chance(0.1) ? [JOINER] : [])].filter(() => choices.chance(0.6));
      return {
        do: 'ask',
        sites: sites.length > 0 ? sites : [site],
        document: choices.of(money.length > 0 ? money : PURSES),
        sign: choices.chance(0.65) ? -1 : 1,
        part: choices.of([0.3, 0.6, 0.9]),
        patienceMs: choices.of([50, 500, 2_000]),
      };
    }
    case 'create':
      return { do: 'create', site: anySite, document: choices.of([...BORN, ...TOKENS]) };
    case 'scribble':
      return { do: 'scribble', site };
    case 'remove':
      return { do: 'remove', site, document: choices.of([LOOSE, ...TOKENS, ANDY, EVE, SOLO]) };
    case 'tear':
      return { do: 'tear', site, document: choices.of([...BALANCES, PROFILE]), repairMs: choices.within(5, 3_000) };
    case 'zero':
      return { do: 'zero', site, document: choices.of([ANDY, EVE]) };
    case 'litter':
      return { do: 'litter', site };
    case 'die': {
      const how = choices.chance(0.5) ? 'kill' : 'cut';
      const afterSteps = choices.chance(0.15) ? 0 : choices.within(1, choices.of([12, 60, 200]));
      return { do: 'die', site: anySite, how, afterSteps, isBefore: choices.chance(0.5), downMs, aloneMs };
    }
    case 'restart':
      return { do: 'restart', site, downMs, aloneMs };
    case 'cut off':
      return { do: 'cut off', site: anySite, ms: choices.within(50, 8_000) };
    case 'weather':
      return { do: 'weather', weather: weather(choices) };
    case 'set clock':
      return { do: 'set clock', site, aheadMs: choices.within(-25_000, 25_000) };
    case 'lose hints':
      return { do: 'lose hints', site, share: choices.of([0.3, 1]) };
    case 'back up':
      return { do: 'back up', site: backedUp };
    case 'restore':
      return { do: 'restore', site: backedUp, isWholeMachine: choices.chance(0.6), downMs, aloneMs };
    case 'lose state':
      return { do: 'lose state', site: spoke, isWholeDisk: choices.chance(0.5), downMs };
    case 'join':
      return { do: 'join', site: JOINER, isCopy: choices.chance(0.6) };
    case 'leave':
      return { do: 'leave', site: choices.of([...SPOKES, JOINER]) };
  }
}

function weather(choices: Choices): Weather {
  const share = (most: number): number => (choices.chance(0.5) ? 0 : choices.next() * most);
  if (choices.chance(0.2)) return FAIR;
  return {
    fail: share(0.5),
    unanswered: share(0.3),
    lose: share(0.4),
    twice: share(0.4),
    late: share(0.3),
    forged: choices.chance(0.1) ? 0.2 : 0,
    delayMs: choices.of([2, 30, 300]),
  };
}

/** One line a step, with its number in the whole plan. */
export function printSteps(steps: readonly Step[], numbers: readonly number[]): string {
  return steps
    .map((step, i) => {
      const { do: what, waitMs, ...rest } = step;
      const details = Object.entries(rest).map(([key, value]) => `${key} ${JSON.stringify(value)}`);
      return `  ${String(numbers[i]).padStart(3)}  after ${String(waitMs).padStart(4)} ms: ${what}  ${details.join(', ')}`;
    })
    .join('\n');
}
