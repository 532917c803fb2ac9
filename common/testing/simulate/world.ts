/** All machines, the network and the model of one run, and what each accident does to what must be true. */
import fs from 'node:fs';
import path from 'node:path';
import { DEFAULT_GUARDS } from '../../replica/guard.js';
import { Choices } from '../random.js';
import { type DeathKind, HUB, SITES, SPOKES } from './cast.js';
import { NO_GUARDS, SimulatedSite, type Totals } from './daemon.js';
import type { Node } from './disk.js';
import { BEGINNING, ledgers, SOLO, SOLO_CONTENT } from './documents.js';
import { type Finding, GENESIS_AMOUNT, type Ledger, type Operation } from './ledger.js';
import { Machine } from './machine.js';
import { Network } from './network.js';
import { isGuarded } from './plan.js';
import { onRealDisk, type Platform, ROOT, systemCalls, use } from './platform.js';
import { Programs } from './programs.js';
import { Time } from './time.js';
import { Writers } from './writers.js';

/** A backup: the files, the database, and which operations it holds. */
export type Image = {
  readonly disk: Node;
  readonly database: ReadonlyMap<string, Buffer>;
  readonly totals: Totals;
  readonly own: string;
  readonly at: number;
};

export class World {
  readonly time = new Time();
  readonly network: Network;
  readonly sites: ReadonlyMap<string, SimulatedSite>;
  readonly writers: ReadonlyMap<string, Writers>;
  readonly programs: ReadonlyMap<string, Programs>;
  readonly ledgers: readonly Ledger[] = ledgers();
  readonly choices: Choices;
  /** The guards are on. */
  readonly isGuarded: boolean;
  readonly images = new Map<string, Image>();
  /** Files of others, which nobody may touch: path → content. */
  readonly litter = new Map<string, string>();
  readonly tokens = new Map<string, { isDead: 'no' | 'maybe' | 'yes'; by: string }>();
  readonly trace: string[] = [];
  /** Wrong as soon as they happened. */
  readonly findings: Finding[] = [];
  /** Documents that may have been deleted for good: nobody wrote them again before the power failed. */
  readonly deleted = new Set<string>();
  #imported: string | undefined;
  readonly #gaps = new Map<string, string>();
  #dying = 0;
  /** How old the copy is to which the hub's machine was set back since the last quiet. */
  #hubIsOf: number | undefined;
  /** When a spoke's state was lost last, or a spoke left. */
  #lostAt = Number.NEGATIVE_INFINITY;

  constructor(readonly seed: number) {
    this.choices = new Choices(seed, 'world');
    const machines = new Map<string, Machine>();
    const random = new Choices(seed, 'chance');
    const platform: Platform = { time: this.time, random: random.next, machines, calls: systemCalls() };
    use(platform);
    const rules = { syncsNames: this.choices.chance(0.5) };
    for (const name of SITES)
      machines.set(name, new Machine(name, this.time, platform.calls, new Choices(seed, `machine ${name}`), rules));
    this.network = new Network(this.time, new Choices(seed, 'network'));
    const events = {
      onDeath: (site: SimulatedSite, how: DeathKind) => this.#died(site, how),
      onLog: (site: SimulatedSite, level: string, event: string, fields: object) => {
        this.note(`${site.name} ${level} ${event} ${JSON.stringify(fields)}`);
        if (event === 'joined') this.#import(site);
        // Nothing fails here for want of disk or rights, so whatever fails is a fault. (The lock of a dead writer lasts so
        // much longer as its clock was set back.)
        const isLocked = (fields as { code?: unknown }).code === 'AXL-LOCKED';
        if ((event === 'failed' && !isLocked) || event === 'did not start' || event === 'did not stop')
          this.findings.push({ check: 'faults', text: `${site.name}: ${event} ${JSON.stringify(fields)}` });
      },
    };
    this.isGuarded = isGuarded(seed);
    const sites = new Map<string, SimulatedSite>();
    for (const [name, machine] of machines)
      sites.set(
        name,
        new SimulatedSite(
          machine,
          this.network,
          () => (name === HUB ? [...sites.values()].filter((site) => !site.isHub) : [this.hub]),
          new Choices(seed, `daemon ${name}`),
          events,
          this.isGuarded ? DEFAULT_GUARDS : NO_GUARDS,
        ),
      );
    this.sites = sites;
    this.writers = new Map(
      [...sites].map(([name, site]) => {
        const onGap = (document: string, isOpen: boolean): void => this.#gap(site, document, isOpen);
        return [name, new Writers(site, new Choices(seed, `people of ${name}`), onGap)];
      }),
    );
    const programEvents = {
      note: (text: string) => this.note(text),
      onFinding: (finding: Finding) => void this.findings.push(finding),
    };
    this.programs = new Map(
      [...sites].map(([name, site]) => [
        name,
        new Programs(site, new Choices(seed, `programs of ${name}`), programEvents),
      ]),
    );
    this.time.onError = (error, owner) => this.#uncaught(error, owner.name);
  }

  get hub(): SimulatedSite {
    return this.site(HUB);
  }

  site(name: string): SimulatedSite {
    return this.sites.get(name) as SimulatedSite;
  }

  /** Sites whose machines take part, running or not. */
  get members(): SimulatedSite[] {
    return [...this.sites.values()].filter((site) => !site.hasLeft && site.isMember);
  }

  note(text: string): void {
    this.trace.push(`${String(Math.round(this.time.elapsed)).padStart(7)} ${text.replaceAll(ROOT, '')}`);
  }

  /** The genesis of SOLO as each spoke imported it: the earliest is what everybody must show. */
  #import(site: SimulatedSite): void {
    const genesis = site.stateOf(SOLO)?.counters?.['/balance']?.genesis;
    if (genesis === undefined || (this.#imported !== undefined && this.#imported <= genesis[1])) return;
    this.#imported = genesis[1];
    const ledger = this.ledgers.find(({ document }) => document === SOLO);
    if (ledger !== undefined && ledger.operations.length === 0) ledger.genesis = Number(genesis[0]);
  }

  #uncaught(error: unknown, who: string): void {
    this.findings.push({ check: 'faults', text: `${who}: ${error instanceof Error ? error.stack : String(error)}` });
  }

  unhandled(error: unknown): void {
    this.#uncaught(error, 'an unhandled rejection');
  }

  /** The files that every site has when Axle is installed; the one spoke has one more. */
  begin(): void {
    for (const site of [this.hub, ...SPOKES.map((name) => this.site(name))]) {
      site.isMember = true;
      this.#lay(site);
    }
    const solo = this.site(SPOKES[0]);
    fs.writeFileSync(solo.file(SOLO), JSON.stringify(SOLO_CONTENT));
    // Another amount for the same user: of two imports, the earlier one counts.
    fs.writeFileSync(this.site(SPOKES[1]).file(SOLO), JSON.stringify({ balance: GENESIS_AMOUNT / 2 }));
    for (const { machine } of this.members) machine.disk.syncAll();
  }

  #lay(site: SimulatedSite): void {
    for (const [document, content] of Object.entries(BEGINNING))
      fs.writeFileSync(site.file(document), JSON.stringify(content, null, 4));
  }

  /** A new site with the files of the beginning, or with those that the hub shows at this moment. */
  join(name: string, isCopy: boolean): void {
    const site = this.site(name);
    if (site.isMember) return;
    site.isMember = true;
    if (!isCopy) this.#lay(site);
    else
      for (const { document } of this.ledgers) {
        if (this.hub.machine.isOff || !fs.existsSync(this.hub.file(document))) continue;
        const text = fs.readFileSync(this.hub.file(document), 'utf8');
        // A torn copy would wait for somebody to mend it.
        if (text.endsWith('}')) fs.writeFileSync(site.file(document), text);
      }
    site.start();
  }

  #died(site: SimulatedSite, how: DeathKind): void {
    this.note(`${site.name} died: ${how}`);
    this.#dying++;
    // Once the dead has come to rest, its database can be read.
    this.time.add(
      0,
      () => {
        this.#dying--;
        if (how === 'cut') this.#afterPowerCut(site);
      },
      this.time.director,
    );
  }

  /** Whether an accident's consequences are still to be noted. */
  get isDying(): boolean {
    return this.#dying > 0;
  }

  #gap(site: SimulatedSite, document: string, isOpen: boolean): void {
    if (isOpen) this.#gaps.set(site.name, document);
    else this.#gaps.delete(site.name);
  }

  /** What the daemon had not committed stood in files that may be gone. What it answered with success was committed. */
  #afterPowerCut(site: SimulatedSite): void {
    site.hadPowerCut = true;
    site.lostMarker = true;
    this.#doubt(site, [site.totals(), this.hub.totals()], ({ answer }) => answer === 'done');
    for (const file of this.litter.keys()) if (file.startsWith(site.userdata)) this.litter.delete(file);
    const gap = this.#gaps.get(site.name);
    if (gap !== undefined) this.deleted.add(gap);
    this.#gaps.delete(site.name);
  }

  /** Operations of a site count for sure only where one of `known` holds them. What was refused was never there. */
  #doubt(site: SimulatedSite, known: readonly Totals[], isCertain = (_operation: Operation) => false): void {
    for (const ledger of this.ledgers)
      for (const operation of ledger.operations) {
        if (operation.site !== site.name || operation.standing === 'maybe') continue;
        if (operation.answer === 'refused' || isCertain(operation)) continue;
        const isSafe = known.some((totals) => ledger.has(totals.get(`${ledger.document} ${ledger.path}`), operation));
        // What was lost may stand in a backup.
        if (operation.standing === 'void') operation.standing = isSafe ? 'maybe' : 'void';
        else operation.standing = isSafe ? 'must' : 'maybe';
      }
    for (const token of this.tokens.values())
      if (token.by === site.name && token.isDead === 'yes') token.isDead = 'maybe';
  }

  /** The machine stands still, switched off if it was on. */
  off(site: SimulatedSite): void {
    if (!site.machine.isOff) site.machine.die('cut');
  }

  #dropDatabase(site: SimulatedSite): void {
    for (const suffix of ['', '-wal', '-shm']) fs.rmSync(site.database + suffix, { force: true });
  }

  /** The state folder is gone (the database alone), or the whole disk. */
  lose(site: SimulatedSite, isWholeDisk: boolean): void {
    this.off(site);
    this.#dropDatabase(site);
    site.machine.isOff = false;
    if (isWholeDisk) {
      for (const folder of [site.userdata, site.state]) fs.rmSync(folder, { recursive: true, force: true });
      for (const file of this.litter.keys()) if (file.startsWith(site.userdata)) this.litter.delete(file);
      site.makeFolders();
      site.machine.disk.syncAll();
    }
    site.hasState = false;
    this.#lostAt = this.time.now;
    this.#doubt(site, [this.hub.totals()]);
  }

  /**
   * Whether a spoke is gone whose additions the hub's old copy has not: what others have of them, the hub does not take
   * without a person's word.
   */
  get needsWord(): boolean {
    return this.#hubIsOf !== undefined && this.#lostAt > this.#hubIsOf;
  }

  /** A person says so; from then on every site holds the same. */
  async giveWord(): Promise<void> {
    if (this.needsWord) await this.hub.rebuild();
    this.#hubIsOf = undefined;
  }

  /** Takes a backup of a site at rest. */
  backUp(site: SimulatedSite): boolean {
    // A copy in which a file is missing that is being saved says that it was removed.
    if (!site.isReady || this.#gaps.has(site.name)) return false;
    const isAtRest = this.ledgers.every(
      ({ document }) => !fs.existsSync(site.file(document)) || site.hasAbsorbed(document),
    );
    if (!isAtRest) return false;
    const database = new Map<string, Buffer>();
    for (const suffix of ['', '-wal'])
      if (fs.existsSync(site.database + suffix)) database.set(suffix, fs.readFileSync(site.database + suffix));
    site.lostMarker = false;
    this.images.set(site.name, {
      disk: site.machine.disk.image(),
      database,
      totals: site.totals(),
      own: site.ownParts(),
      at: this.time.now,
    });
    return true;
  }

  /** Puts a backup back: of the database alone, or of the whole machine. */
  restore(site: SimulatedSite, isWholeMachine: boolean): boolean {
    const image = this.images.get(site.name);
    if (image === undefined || (!isWholeMachine && (site.isHub || site.machine.isOff || site.lostMarker))) return false;
    // What only the hub itself had is missing there from then on and stands on the spokes: nobody compares yet.
    if (site.isHub && (site.machine.isOff || image.own !== site.ownParts())) return false;
    if (isWholeMachine) this.off(site);
    else site.machine.die('kill');
    const before = this.hub.totals();
    this.#dropDatabase(site);
    for (const [suffix, content] of image.database) fs.writeFileSync(site.database + suffix, content);
    if (isWholeMachine) {
      site.machine.disk.restore(image.disk);
      for (const [file] of this.litter) if (file.startsWith(site.userdata)) this.litter.delete(file);
    } else site.hasState = false;
    if (!site.isHub) {
      this.#doubt(site, isWholeMachine ? [before, image.totals] : [before]);
      return true;
    }
    this.#hubIsOf = image.at;
    this.#doubt(site, [image.totals]);
    this.#doubtWhatOnlyTheHubHad(before, image.totals);
    return true;
  }

  /** A spoke sends again what its own state holds; what a spoke had lost or taken away with it, the image must have. */
  #doubtWhatOnlyTheHubHad(before: Totals, image: Totals): void {
    for (const site of this.sites.values()) {
      if (site.isHub) continue;
      const own = site.hasLeft ? undefined : site.totals();
      for (const ledger of this.ledgers)
        for (const operation of ledger.operations) {
          if (operation.site !== site.name || operation.standing !== 'must') continue;
          const at = `${ledger.document} ${ledger.path}`;
          const has = (totals: Totals | undefined): boolean => ledger.has(totals?.get(at), operation);
          if (has(before) && !has(image) && !has(own)) operation.standing = 'maybe';
        }
    }
  }

  /** Gone for good: what the hub has of it stays. */
  leave(site: SimulatedSite): void {
    this.off(site);
    site.hasLeft = true;
    this.#lostAt = this.time.now;
    this.#doubt(site, [this.hub.totals()]);
  }

  /** Removes what is on the real disk. */
  close(): void {
    for (const site of this.sites.values()) if (site.life !== undefined) site.machine.die('kill');
    onRealDisk(() => fs.rmSync(ROOT, { recursive: true, force: true }));
  }

  pathOf(site: SimulatedSite, document: string): string {
    return path.join(site.userdata, `${document}.txt`);
  }
}
