/** New devices: looked for in the network with its progress, or by an address that somebody knows. */
import type { Context } from './context.js';
import { ask, attempt, textOf } from './dialogs.js';
import { button, field, input, make, place, put, select } from './dom.js';
import type { ScanJob } from './types.js';
import * as units from './units.js';

const AGAIN_MS = 1_000;
/** An hour of looking: no network takes so long. */
const LOOKS_MAX = 3_600;

export class ScanPanel {
  readonly #text = make('p');
  readonly #bar = make('progress');
  #isRunning = false;

  constructor(readonly context: Context) {
    this.#bar.setAttribute('aria-label', 'How far the scan is');
    this.#text.setAttribute('role', 'status');
  }

  async ask(): Promise<void> {
    const networks = input('network', { placeholder: '192.168.1.0/24', inputmode: 'text', spellcheck: 'false' });
    const form = await ask(
      'Look for miners',
      [field('Network', networks, 'Left empty: the networks that the agent’s machine is in.')],
      'Scan',
    );
    if (form === undefined || this.#isRunning) return;
    const network = textOf(form, 'network');
    const query = network === undefined ? '' : `?network=${encodeURIComponent(network)}`;
    type Started = Partial<ScanJob> & { job_id?: number };
    const job = await attempt(() => this.context.api.send<Started>('POST', `/api/miners/scan${query}`));
    const id = job?.job_id ?? job?.id;
    if (id !== undefined) await this.#follow(id);
  }

  async add(): Promise<void> {
    const types = (await attempt(() => this.context.api.get<unknown>('/api/miner-types'))) ?? [];
    const address = input('ip_address', { required: '', placeholder: '192.168.1.100', spellcheck: 'false' });
    const name = input('name', { maxlength: '100' });
    const port = input('api_port', { type: 'number', min: '1', max: '65535' });
    const kinds = select('miner_type', [['', 'Find out'], ...typesOf(types)]);
    const form = await ask(
      'Add a device',
      [
        field('Address', address),
        field('Name', name, 'Left empty: as it calls itself.'),
        field('Type', kinds),
        field('Port of its API', port, 'Left empty: where its type answers.'),
      ],
      'Add',
    );
    if (form === undefined) return;
    const ip_address = textOf(form, 'ip_address') ?? '';
    const given = {
      name: textOf(form, 'name'),
      miner_type: textOf(form, 'miner_type'),
      api_port: textOf(form, 'api_port'),
    };
    await attempt(
      () =>
        this.context.api.send('POST', '/api/miners', {
          ip_address,
          ...(given.name !== undefined && { name: given.name }),
          ...(given.miner_type !== undefined && { miner_type: given.miner_type }),
          ...(given.api_port !== undefined && { api_port: Number(given.api_port) }),
        }),
      `${given.name ?? ip_address} is added.`,
    );
  }

  /** Shows a job until it is done: as it is told, and by asking where the stream breaks. */
  async #follow(id: number): Promise<void> {
    this.#isRunning = true;
    const panel = place('scan');
    panel.replaceChildren(this.#text, this.#bar);
    panel.hidden = false;
    let job: ScanJob | undefined;
    const show = (now: ScanJob): void => {
      job = now;
      this.#show(now);
    };
    try {
      for await (const { data } of this.context.api.events(`/api/miners/scan/${id}/events`)) {
        show(JSON.parse(data));
        if (job?.state !== 'running') break;
      }
    } catch {}
    for (let look = 0; look < LOOKS_MAX && (job === undefined || job.state === 'running'); look += 1) {
      try {
        show(await this.context.api.get<ScanJob>(`/api/miners/scan/${id}`));
      } catch (error) {
        put(this.#text, (error as Error).message);
        break;
      }
      if (job?.state === 'running') await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
    this.#isRunning = false;
    this.#bar.remove();
    panel.append(
      button(
        'Close',
        () => {
          panel.hidden = true;
        },
        'quiet',
      ),
    );
  }

  #show({ state, progress, networks, error }: ScanJob): void {
    const { addresses, probed, found } = progress;
    const miners = `${units.count(found)} ${found === 1 ? 'miner' : 'miners'}`;
    const where = networks.join(', ');
    this.#bar.max = Math.max(1, addresses);
    this.#bar.value = probed;
    if (state === 'running')
      put(
        this.#text,
        `Looking in ${where}: ${units.count(probed)} of ${units.count(addresses)} addresses, ${miners} found`,
      );
    else if (state === 'done')
      put(
        this.#text,
        found === 0
          ? `No miners in ${where}. Are they switched on, and in this network?`
          : `${miners} found in ${where}. Those that were not known are in the list now.`,
      );
    else
      put(
        this.#text,
        `The scan ${state === 'failed' ? 'failed' : 'was stopped'}${error === undefined ? '.' : `: ${error}`}`,
      );
  }
}

/** Ids, or objects with an id and a name. */
function typesOf(answer: unknown): (readonly [string, string])[] {
  const list = Array.isArray(answer) ? answer : Object.values(answer as object).find(Array.isArray);
  return (list ?? []).flatMap((type: unknown): (readonly [string, string])[] => {
    if (typeof type === 'string') return [[type, type]];
    const { id, miner_type, type: key, name } = type as Record<string, string | undefined>;
    const value = id ?? miner_type ?? key;
    return value === undefined ? [] : [[value, name ?? value]];
  });
}
