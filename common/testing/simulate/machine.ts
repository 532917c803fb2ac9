/**
 * One computer of the simulation: its disk, its clock, its power, the daemon that runs on it and the people who write
 * its files. At every system call that changes the disk the daemon may die, the power may fail, and somebody else may
 * write a file at that very instant.
 */
import type { Choices } from '../random.js';
import type { DeathKind } from './cast.js';
import { Disk, type DiskRules } from './disk.js';
import type { SystemCalls } from './system-calls.js';
import { Death, Owner, type Time } from './time.js';

type Armed = { readonly how: DeathKind; left: number; readonly isBefore: boolean };
type Meanwhile = { left: number; readonly isRename: boolean; readonly run: () => void };

/** Calls between whose check and effect no observer can see a file that is renamed into place. */
const BLIND = ['rename', 'unlink'];

export class Machine {
  readonly disk: Disk;
  daemon: Owner | undefined;
  people: Owner;
  isOff = false;
  /** How far its clock is ahead of the true time, milliseconds. */
  aheadMs = 0;
  /** Chance that a watch says nothing of a change. */
  hintLoss = 0;
  #armed: Armed | undefined;
  #meanwhile: Meanwhile[] = [];
  onDeath: (how: DeathKind) => void = () => {};

  constructor(
    readonly name: string,
    readonly time: Time,
    readonly calls: SystemCalls,
    readonly choices: Choices,
    rules: DiskRules,
  ) {
    this.disk = new Disk(rules, () => time.now + this.aheadMs);
    this.people = new Owner(`people of ${name}`, this);
  }

  /** The daemon (or the machine) dies `left` steps from now. */
  arm(how: DeathKind, left: number, isBefore: boolean): void {
    this.#armed = { how, left, isBefore };
  }

  disarm(): void {
    this.#armed = undefined;
  }

  /** Somebody acts at the daemon's `left`th system call from now, or after a while, whichever comes first. */
  meanwhile(left: number, waitMs: number, isRename: boolean, run: () => void): void {
    const one: Meanwhile = { left, isRename, run };
    this.#meanwhile.push(one);
    this.time.add(
      waitMs,
      () => {
        if (this.#take(one)) run();
      },
      this.people,
    );
  }

  #take(one: Meanwhile): boolean {
    const index = this.#meanwhile.indexOf(one);
    if (index >= 0) this.#meanwhile.splice(index, 1);
    return index >= 0;
  }

  get isDaemonsTurn(): boolean {
    return this.time.current === this.daemon;
  }

  /** Whether anybody can use this machine now. */
  reach(): void {
    if (this.time.current.isDead) throw new Death(this.name);
    if (this.isOff) throw Object.assign(new Error(`${this.name} is off`), { code: 'EHOSTDOWN' });
  }

  passFor(_what: 'sync'): void {
    this.time.now += 0.2 + this.choices.next() * 4;
  }

  calling(call: string): void {
    this.reach();
    this.time.now += 0.005;
    const { current } = this.time;
    if (current !== this.daemon) {
      if (current.machine === this) this.#count(true, call);
      return;
    }
    for (const one of [...this.#meanwhile]) {
      if (--one.left > 0 || (one.isRename && BLIND.includes(call)) || !this.#take(one)) continue;
      this.time.current = this.people;
      try {
        one.run();
      } finally {
        this.time.current = current;
      }
    }
    this.#count(true, call);
  }

  called(call: string): void {
    if (this.time.current.machine === this) this.#count(false, call);
  }

  /** A named step of the daemon: the instants between two system calls. */
  step(name: string): void {
    if (this.time.current.isDead) throw new Death(name);
    this.#count(true, name);
  }

  #count(isBefore: boolean, at: string): void {
    const armed = this.#armed;
    if (armed === undefined || (armed.how === 'kill' && this.time.current !== this.daemon)) return;
    if (isBefore !== armed.isBefore && !at.includes(':')) return;
    if (--armed.left > 0) return;
    this.die(armed.how);
    throw new Death(at);
  }

  die(how: DeathKind): void {
    this.#armed = undefined;
    if (this.daemon !== undefined) this.daemon.isDead = true;
    this.daemon = undefined;
    if (how === 'cut') {
      this.isOff = true;
      this.people.isDead = true;
      this.people = new Owner(this.people.name, this);
      this.#meanwhile = [];
      this.disk.cut(this.choices);
      this.calls.forget(this);
    }
    this.onDeath(how);
  }

  losesHint(): boolean {
    return this.hintLoss > 0 && this.choices.chance(this.hintLoss);
  }
}
