/** Runs one plan from beginning to end. Same seed, same steps: same run, to the last turn. */
import { createHash } from 'node:crypto';
import { Choices } from '../random.js';
import { FAIR } from './cast.js';
import { checkAll } from './checks.js';
import type { SimulatedSite } from './daemon.js';
import { BORN, edit, LOOSE, zeroed } from './documents.js';
import type { Finding } from './ledger.js';
import type { Action, Step } from './plan.js';
import { World } from './world.js';

export type Outcome = {
  readonly findings: readonly Finding[];
  /** Of everything that was logged and when: equal for equal runs. */
  readonly digest: string;
  readonly trace: readonly string[];
  readonly operations: number;
  readonly virtualMs: number;
};

/** Longer than any backoff, resend and clock that is ahead together. */
const QUIET_LIMIT_MS = 200_000;
/** Late writes (3 s), a scan (4 s), racy files (1.5 s). */
const QUIET_MIN_MS = 5_500;
const LOOK_MS = 250;
/** A whole unit of it leaves enough for the digit of any operation. */
const MOST = { sign: -1, part: 0.7, patienceMs: 2_000 } as const;

export async function run(seed: number, steps: readonly Step[]): Promise<Outcome> {
  const world = new World(seed);
  const unhandled = (error: unknown): void => world.unhandled(error);
  process.on('unhandledRejection', unhandled);
  try {
    const findings = await world.time.run(() => new Director(world).play(steps));
    const digest = createHash('sha256').update(world.trace.join('\n')).digest('hex').slice(0, 16);
    const operations = world.ledgers.reduce((sum, ledger) => sum + ledger.operations.length, 0);
    return { findings, digest, trace: world.trace, operations, virtualMs: world.time.elapsed };
  } finally {
    world.close();
    process.off('unhandledRejection', unhandled);
  }
}

class Director {
  readonly #choices: Choices;
  /** Accidents whose victims have not come back yet. */
  #downtimes = 0;
  #setBackMs = 0;

  constructor(readonly world: World) {
    this.#choices = new Choices(world.seed, 'director');
  }

  async play(steps: readonly Step[]): Promise<readonly Finding[]> {
    const { world } = this;
    world.begin();
    for (const site of world.members) site.start();
    const started = await this.#quiet();
    if (started.length > 0) return started;
    // A plan that was cut down may have lost its end.
    const end: Step[] = steps.at(-1)?.do === 'quiet' ? [] : [{ waitMs: 0, do: 'quiet' }];
    for (const step of [...steps, ...end]) {
      await world.time.sleep(step.waitMs);
      world.note(`step ${JSON.stringify(step)}`);
      if (step.do === 'quiet') {
        const findings = await this.#quiet(step.spender);
        if (findings.length > 0) return findings;
      } else this.#act(step);
    }
    return [];
  }

  #act(step: Exclude<Action, { do: 'quiet' }>): void {
    const { world } = this;
    if (step.do === 'weather') {
      world.network.weather = step.weather;
      return;
    }
    if (step.do === 'ask') {
      const ledger = world.ledgers.find(({ document }) => document === step.document);
      if (ledger !== undefined) for (const site of step.sites) world.programs.get(site)?.ask(ledger, step);
      return;
    }
    const site = world.site(step.site);
    if (step.do === 'join') {
      world.join(step.site, step.isCopy);
      return;
    }
    if (!site.isMember || site.hasLeft) return;
    const { machine } = site;
    if ('aloneMs' in step && step.aloneMs > 0) this.#cutOff(site.name, step.aloneMs);
    const writers = world.writers.get(site.name) as NonNullable<ReturnType<typeof world.writers.get>>;
    switch (step.do) {
      case 'change': {
        const ledger = world.ledgers.find(({ document }) => document === step.document);
        if (ledger === undefined) return;
        const sign = ledger.genesis === 0 ? 1 : step.sign;
        writers.change(ledger, sign, step.way, (content, operation) =>
          edit(ledger, content, operation, world.time.now + machine.aheadMs),
        );
        return;
      }
      case 'create':
        this.#create(site, step.document);
        return;
      case 'scribble': {
        const text = JSON.stringify({ bio: `scribble ${this.#choices.within(0, 99)} of ${site.name}` });
        writers.create(
          LOOSE,
          () => text,
          () => {},
        );
        writers.overwrite(LOOSE, () => text);
        return;
      }
      case 'remove':
        writers.remove(step.document, () => {
          const token = world.tokens.get(step.document);
          if (token !== undefined) Object.assign(token, { isDead: site.hasState ? 'yes' : 'maybe', by: site.name });
        });
        return;
      case 'tear':
        writers.tear(step.document, step.repairMs);
        return;
      case 'zero':
        if (world.isGuarded) writers.zero(step.document, zeroed);
        return;
      case 'litter':
        if (!machine.isOff) for (const [file, text] of writers.litter()) world.litter.set(file, text);
        return;
      case 'die':
        if (site.life === undefined) return;
        if (step.afterSteps > 0) machine.arm(step.how, step.afterSteps, step.isBefore);
        else machine.die(step.how);
        this.#comeBack(site, step.downMs);
        return;
      case 'restart':
        void site.stop().then(() => this.#comeBack(site, step.downMs));
        return;
      case 'cut off':
        this.#cutOff(site.name, step.ms);
        return;
      case 'set clock':
        // What waits by a clock that was set back waits so much longer.
        this.#setBackMs = Math.max(this.#setBackMs, machine.aheadMs - step.aheadMs);
        machine.aheadMs = step.aheadMs;
        return;
      case 'lose hints':
        machine.hintLoss = step.share;
        return;
      case 'back up':
        world.note(`backup: ${world.backUp(site)}`);
        return;
      case 'restore':
        this.#whenStill(() => {
          world.note(`restored: ${world.restore(site, step.isWholeMachine)}`);
          this.#comeBack(site, step.downMs);
        });
        return;
      case 'lose state':
        this.#whenStill(() => {
          world.lose(site, step.isWholeDisk);
          this.#comeBack(site, step.downMs);
        });
        return;
      case 'leave':
        this.#whenStill(() => world.leave(site));
        return;
    }
  }

  #cutOff(site: string, ms: number): void {
    const { network, time } = this.world;
    network.cut.add(site);
    time.add(ms, () => network.cut.delete(site));
  }

  /** After the consequences of deaths at this very instant have been noted. */
  #whenStill(act: () => void): void {
    this.world.time.add(0, act);
  }

  #create(site: SimulatedSite, document: string): void {
    const { world } = this;
    const writers = world.writers.get(site.name);
    const ledger = world.ledgers.find((one) => one.document === document);
    if (ledger !== undefined && (BORN as readonly string[]).includes(document)) {
      writers?.create(
        document,
        () => {
          if (ledger.isFull || !site.hasState) return undefined;
          const operation = ledger.add(site.name, 1, 'born', world.time.elapsed);
          if (!site.mayBeOld(document)) operation.standing = 'must';
          return { balance: ledger.amount(operation) };
        },
        () => {},
      );
    } else if (!world.tokens.has(document)) {
      world.tokens.set(document, { isDead: 'no', by: '' });
      writers?.create(
        document,
        () => `token of ${site.name}`,
        () => {},
      );
    }
  }

  /** Starts the daemon after a while, and again for as long as it dies on the way. */
  #comeBack(site: SimulatedSite, downMs: number): void {
    const { time } = this.world;
    this.#downtimes++;
    const deadline = time.now + 3_000;
    const look = (): void => {
      if (site.life === undefined && !site.hasLeft) {
        time.add(downMs, () => {
          this.#downtimes--;
          if (!site.hasLeft) site.start();
        });
      } else if (time.now > deadline || site.hasLeft) this.#downtimes--;
      else time.add(50, look);
    };
    look();
  }

  /** Mends everything, waits until every site is at rest, and checks. */
  async #quiet(spender?: string): Promise<readonly Finding[]> {
    const restless = await this.#rest();
    if (restless.length > 0) return restless;
    if (this.world.isGuarded && (await this.#decide())) {
      const again = await this.#rest();
      if (again.length > 0) return again;
    }
    const kept = spender === undefined ? [] : await this.#spend(this.world.site(spender));
    return kept.length > 0 ? kept : checkAll(this.world);
  }

  /** A person looks at what the guards hold. What is approved counts from then on. Returns whether there was anything. */
  async #decide(): Promise<boolean> {
    const { world } = this;
    let isAny = false;
    for (const site of world.members)
      for (const { id, document, reason, amount } of await site.held()) {
        if (reason === 'join') continue;
        const ledger = world.ledgers.find((one) => one.document === document);
        if (ledger === undefined || reason !== 'zero' || amount?.to == null)
          world.findings.push({ check: 'I8 held', text: `${site.name}: ${document} is held: ${reason}` });
        else {
          const isApproved = this.#choices.chance(0.5);
          world.note(
            `${site.name} ${isApproved ? 'approves' : 'rejects'} ${id}: ${document} ${JSON.stringify(amount)}`,
          );
          await site.decide(id, isApproved);
          if (isApproved) ledger.genesis += Number(amount.to) - Number(amount.from);
          isAny = true;
        }
      }
    return isAny;
  }

  /** With everybody there, everybody can spend what there is, wherever it was earned. */
  async #spend(site: SimulatedSite): Promise<readonly Finding[]> {
    const { world } = this;
    // What was earned at a site that left stays there.
    if (!site.isMember || [...world.sites.values()].some(({ hasLeft }) => hasLeft)) return [];
    const purses = world.ledgers.filter((ledger) => ledger.isPurse && !ledger.isFull);
    const asked = purses.map((ledger) => ({ ledger, k: ledger.operations.length }));
    for (const ledger of purses) world.programs.get(site.name)?.ask(ledger, MOST);
    const restless = await this.#rest();
    if (restless.length > 0) return restless;
    return asked.flatMap(({ ledger, k }) => {
      const operation = ledger.operations[k];
      if (operation === undefined || operation.units === 0 || operation.answer === 'done') return [];
      return [{ check: 'rights at rest', text: `${ledger.name}: ${ledger.nameOf(operation)} ${operation.answer}` }];
    });
  }

  async #rest(): Promise<readonly Finding[]> {
    const { world } = this;
    const { time, network } = world;
    const begun = time.now;
    network.weather = FAIR;
    network.cut.clear();
    for (const { machine } of world.sites.values()) {
      machine.disarm();
      machine.hintLoss = 0;
    }
    let still = 0;
    let business = '';
    while (still < 3) {
      await time.sleep(LOOK_MS);
      if (world.findings.length > 0) return world.findings;
      if (time.now - begun > QUIET_LIMIT_MS)
        return [{ check: 'I2 at rest', text: `not within ${QUIET_LIMIT_MS} ms: ${business}` }];
      if (this.#downtimes > 0 || world.isDying || network.underWay > 0) continue;
      for (const site of world.members) if (site.life === undefined) site.start();
      if (time.now - begun < QUIET_MIN_MS + this.#setBackMs) continue;
      business = this.#business();
      still = business === '' ? still + 1 : 0;
      if (still === 3 && world.needsWord) {
        world.note('axle rebuild');
        still = 0;
        await world.giveWord();
      }
    }
    await world.giveWord();
    this.#setBackMs = 0;
    return [];
  }

  #business(): string {
    const said = this.world.members.map((site) => site.business() || site.leftovers().join(', '));
    return said.filter((one) => one !== '').join('; ');
  }
}
