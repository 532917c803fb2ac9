/**
 * The people of a site: PHP pages, editors and scripts that write its plain files, each in its own way, with and without
 * the lock. They share nothing with the daemon but the disk. A debit is a write like a credit; what is spent through
 * the daemon is in programs.ts.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { Choices } from '../random.js';
import type { Way } from './cast.js';
import { JUNK, type SimulatedSite } from './daemon.js';
import { numberAt } from './documents.js';
import { GENESIS_AMOUNT, type Ledger, type Operation } from './ledger.js';
import { Death } from './time.js';

type Content = Record<string, unknown>;

const LOCK_STALE_MS = 10_000;
const ZERO_LOOK_MS = 20;
const ZERO_LOOKS = 500;

export class Writers {
  /** Documents that somebody of this site is writing: its own people do not overwrite each other. */
  #busy = new Set<string>();
  #people: unknown;

  constructor(
    readonly site: SimulatedSite,
    readonly choices: Choices,
    /** A file is missing for a moment, and is there again. */
    readonly onGap: (document: string, isOpen: boolean) => void,
  ) {}

  /** Runs `work` as one of the people, once nobody else writes the document. Gives up where that takes too long. */
  act(document: string, work: () => Promise<void>): void {
    const { machine } = this.site;
    if (machine.isOff) return;
    if (this.#people !== machine.people) this.#busy = new Set();
    this.#people = machine.people;
    const busy = this.#busy;
    const run = async (): Promise<void> => {
      for (let tries = 0; busy.has(document); tries++) {
        if (tries === 400) return;
        await machine.time.sleep(10);
      }
      busy.add(document);
      try {
        await work();
      } catch (error) {
        if (!(error instanceof Death) && (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      } finally {
        busy.delete(document);
      }
    };
    machine.time.add(0, () => void run(), machine.people);
  }

  /** Credits or debits: one new operation of the ledger, if the file is there and can be read. */
  change(ledger: Ledger, sign: 1 | -1, way: Way, edit: (content: Content, operation: Operation) => void): void {
    const { document } = ledger;
    this.act(document, async () => {
      const { site, choices } = this;
      const { machine } = site;
      let operation: Operation | undefined;
      let text: string | undefined;
      const read = (): boolean => {
        const content = this.#read(document);
        if (content === undefined || ledger.isFull) return false;
        operation = ledger.add(site.name, sign, way, machine.time.elapsed);
        edit(content, operation);
        text = JSON.stringify(content, null, choices.chance(0.5) ? 4 : undefined);
        return true;
      };
      const written = (): void => {
        if (operation !== undefined && !site.mayBeOld(document)) operation.standing = 'must';
      };
      if (way === 'raw' || way === 'rename') {
        await this.#soon(way === 'rename', () => {
          if (!read()) return;
          if (way === 'raw') fs.writeFileSync(site.file(document), text as string);
          else this.#replace(document, text as string);
          written();
        });
      } else if (way === 'slow' || way === 'late') {
        const fd = fs.openSync(site.file(document), 'r+');
        try {
          if (!read()) return;
          if (way === 'slow') fs.ftruncateSync(fd);
          await this.#soon(
            false,
            () => {
              if (way === 'late') fs.ftruncateSync(fd);
              fs.writeSync(fd, text as string, 0);
              written();
            },
            way === 'slow' ? 30 : 2_000,
          );
        } finally {
          fs.closeSync(fd);
        }
      } else {
        const unlock = await this.#lock(document);
        if (unlock === undefined) return;
        try {
          if (way === 'resave' && (!site.hasAbsorbed(document) || this.#isSmall(ledger))) return;
          if (!read()) return;
          if (way === 'resave') {
            fs.unlinkSync(site.file(document));
            this.onGap(document, true);
          }
          await machine.time.sleep(choices.next() * (way === 'resave' ? 200 : 30));
          if (way === 'locked rename') this.#replace(document, text as string);
          else fs.writeFileSync(site.file(document), text as string);
          this.onGap(document, false);
          written();
        } finally {
          unlock();
        }
      }
    });
  }

  /** Writes a file that is not there yet. */
  create(document: string, content: () => Content | string | undefined, done: () => void): void {
    this.act(document, () =>
      this.#soon(true, () => {
        if (fs.existsSync(this.site.file(document))) return;
        const made = content();
        if (made === undefined) return;
        fs.writeFileSync(this.site.file(document), typeof made === 'string' ? made : JSON.stringify(made));
        done();
      }),
    );
  }

  /** Writes over a file that is there, without a lock, at one instant. */
  overwrite(document: string, edit: (text: string) => string): void {
    this.act(document, () =>
      this.#soon(false, () => {
        const file = this.site.file(document);
        if (fs.existsSync(file)) fs.writeFileSync(file, edit(fs.readFileSync(file, 'utf8')));
      }),
    );
  }

  /** Removes a file whose content the daemon has seen. */
  remove(document: string, done: () => void): void {
    this.act(document, async () => {
      if (!this.site.hasAbsorbed(document)) return;
      fs.unlinkSync(this.site.file(document));
      done();
    });
  }

  /** Leaves half of a file, as a full disk does; writes it whole again later, if nobody else has. */
  tear(document: string, repairMs: number): void {
    this.act(document, async () => {
      const { site } = this;
      if (!site.hasAbsorbed(document)) return;
      const file = site.file(document);
      const whole = fs.readFileSync(file, 'utf8');
      const torn = whole.slice(0, this.choices.within(0, whole.length - 2));
      fs.writeFileSync(file, torn);
      await site.machine.time.sleep(repairMs);
      if (fs.existsSync(file) && fs.readFileSync(file, 'utf8') === torn) fs.writeFileSync(file, whole);
    });
  }

  /** A script takes everything, for no reason that it tells; nobody of this site goes on from there before it was seen. */
  zero(document: string, change: (content: Content) => Content | undefined): void {
    this.act(document, async () => {
      const content = this.site.hasAbsorbed(document) ? this.#read(document) : undefined;
      const taken = content && change(content);
      if (taken === undefined) return;
      const text = JSON.stringify(taken);
      const file = this.site.file(document);
      fs.writeFileSync(file, text);
      for (let tries = 0; tries < ZERO_LOOKS && fs.readFileSync(file, 'utf8') === text; tries++)
        await this.site.machine.time.sleep(ZERO_LOOK_MS);
    });
  }

  /** Files among the documents that are none. */
  litter(): Map<string, string> {
    const laid = new Map<string, string>();
    for (const end of ['txt.lock', 'backup.txt', 'sync-conflict-20260101-000000-ABCDEFG.txt', 'txt.tmp']) {
      const file = path.join(this.site.userdata, 'balances', `${JUNK}${end}`);
      const text = end === 'txt.lock' ? '' : `{"balance": ${this.choices.within(1, 1e6)}}`;
      fs.writeFileSync(file, text);
      laid.set(file, text);
    }
    return laid;
  }

  #read(document: string): Content | undefined {
    try {
      const content: unknown = JSON.parse(fs.readFileSync(this.site.file(document), 'utf8'));
      return typeof content === 'object' && content !== null ? (content as Content) : undefined;
    } catch (error) {
      if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** A small amount that comes back after its file was away may have begun at zero: nobody can tell (section 3). */
  #isSmall(ledger: Ledger): boolean {
    return Math.abs(numberAt(ledger, this.#read(ledger.document)) ?? 0) < GENESIS_AMOUNT / 8;
  }

  #replace(document: string, text: string): void {
    const temp = path.join(this.site.userdata, path.dirname(document), `.new-${this.choices.hex(4)}`);
    fs.writeFileSync(temp, text);
    fs.renameSync(temp, this.site.file(document));
  }

  /** At some instant soon: in the middle of what the daemon does, or between two things. */
  #soon(isRename: boolean, run: () => void, waitMs = 20): Promise<void> {
    const { machine, choices } = { machine: this.site.machine, choices: this.choices };
    return new Promise((resolve, reject) => {
      machine.meanwhile(choices.within(1, 40), choices.next() * waitMs, isRename, () => {
        try {
          run();
          resolve();
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  /** The lock of FILE_SYNC_STRATEGY.md section 5, in a writer's own words. */
  async #lock(document: string): Promise<(() => void) | undefined> {
    const digit = createHash('sha256').update(document).digest('hex')[0];
    const lock = path.join(this.site.userdata, '.axle', 'locks', `${digit}.lock`);
    let seen = 0;
    let since = 0;
    for (let tries = 0; tries < 1_500; tries++) {
      try {
        fs.mkdirSync(lock);
        return () => {
          if (fs.existsSync(lock)) fs.rmdirSync(lock);
        };
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'ENOENT') return undefined;
        if (code !== 'EEXIST') throw error;
      }
      const { mtimeMs } = fs.statSync(lock);
      const now = this.site.machine.time.now;
      if (mtimeMs !== seen) [seen, since] = [mtimeMs, now];
      else if (now - since > LOCK_STALE_MS) fs.rmdirSync(lock);
      await this.site.machine.time.sleep(10);
    }
    return undefined;
  }
}
