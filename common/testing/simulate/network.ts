/** What carries batches between the machines: late, twice, out of order, or not at all. */
import fs from 'node:fs';
import path from 'node:path';
import { FolderTransport } from '../../link/folder-transport.js';
import { type Delivery, failure, type Transport } from '../../link/transport.js';
import type { PeerFolders } from '../../site/site.js';
import type { Choices } from '../random.js';
import { FAIR, HUB } from './cast.js';
import { forge } from './forge.js';
import type { Machine } from './machine.js';
import type { Time } from './time.js';

const DOWN = failure('down', true, 'the network is cut', 'wait');

export class Network {
  weather = FAIR;
  /** Sites that nobody reaches. */
  readonly cut = new Set<string>();
  /** Copies still on their way. */
  underWay = 0;

  constructor(
    readonly time: Time,
    readonly choices: Choices,
  ) {}

  transport(from: Machine, to: Machine, folders: PeerFolders, inbox: string): Transport {
    const clock = { now: () => this.time.elapsed };
    const isCut = (): boolean => this.cut.has(from.name) || this.cut.has(to.name) || to.isOff;
    return {
      deliver: async (name, signal): Promise<Delivery> => {
        const { weather, choices } = this;
        await this.time.sleep(1 + choices.next() * weather.delayMs);
        if (isCut() || choices.chance(weather.fail)) return DOWN;
        if (choices.chance(weather.lose)) return { ok: true, ms: 1 };
        const text = fs.readFileSync(path.join(folders.outbox, name), 'utf8');
        if (to.name === HUB && choices.chance(weather.forged)) {
          fs.writeFileSync(path.join(inbox, name), forge(text));
          return { ok: true, ms: 1 };
        }
        if (choices.chance(weather.late)) {
          this.#again(to, path.join(inbox, name), text);
          return { ok: true, ms: 1 };
        }
        const folder = new FolderTransport({ outboxFolder: folders.outbox, inboxFolder: inbox, clock });
        const delivery = await folder.deliver(name, signal);
        if (choices.chance(weather.twice)) this.#again(to, path.join(inbox, name), text);
        return choices.chance(weather.unanswered) ? DOWN : delivery;
      },
      close: async () => {},
    };
  }

  /** Puts a copy into the inbox some time later, whether or not the daemons are the same ones then. */
  #again(to: Machine, file: string, text: string): void {
    this.underWay++;
    const wait = this.choices.within(1, this.choices.chance(0.8) ? 500 : 8_000);
    this.time.add(
      wait,
      () => {
        this.underWay--;
        const folder = path.dirname(file);
        if (to.isOff || this.cut.has(to.name) || !fs.existsSync(folder)) return;
        const temp = path.join(folder, `.${path.basename(file)}.copy`);
        fs.writeFileSync(temp, text);
        fs.renameSync(temp, file);
      },
      this.time.director,
    );
  }
}
