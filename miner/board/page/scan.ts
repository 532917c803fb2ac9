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
    const networks = input('network', {
      maxlength: '400',
      placeholder: '192.168.1.0/24',
      inputmode: 'text',
      spellcheck: 'false',
    });
    const form = await ask(
      'Look for miners',
      [
        field(
          'Network',
          networks,
          'Several with commas. Left empty: those of miner.yaml, or that the agent’s machine is in.',
        ),
      ],
      'Scan',
    );
    if (form === undefined || this.#isRunning) return;
    const network = textOf(form, 'network');
    const query = network === undefined ? '' : `?network=${encodeURIComponent(network)}`;
    type Started = Pick<ScanJob, 'job_id'>;
    const job = await attempt(() => this.context.api.send<Started>('POST', `/api/miners/scan${query}`));
    if (job !== undefined) await this.#follow(job.job_id);
  }

  async add(): Promise<void> {
    type Types = readonly { readonly miner_type: string; readonly name: string }[];
    const types = (await attempt(() => this.context.api.get<Types>('/api/miner-types'))) ?? [];
    const address = input('ip_address', { required: '', placeholder: '192.168.1.100', spellcheck: 'false' });
    const name = input('name', { required: '', maxlength: '100' });
    const port = input('api_port', { type: 'number', min: '1', max: '65535' });
    const kinds = select('miner_type', [
      ['', 'Find out'],
      ...types.map(({ miner_type, name: label }) => [miner_type, label] as const),
    ]);
    const form = await ask(
      'Add a device',
      [
        field('Name', name),
        field('Address', address),
        field('Type', kinds),
        field('Port of its API', port, 'Left empty: where its type answers.'),
      ],
      'Add',
    );
    if (form === undefined) return;
    const port_text = textOf(form, 'api_port');
    const type = textOf(form, 'miner_type');
    const body = {
      name: textOf(form, 'name'),
      ip_address: textOf(form, 'ip_address'),
      ...(type !== undefined && { miner_type: type }),
      ...(port_text !== undefined && { api_port: Number(port_text) }),
    };
    await attempt(() => this.context.api.send('POST', '/api/miners', body), `${body.name} is added.`);
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
    else put(this.#text, `The scan ${state === 'failed' ? 'failed' : 'was stopped'}${error ? `: ${error}` : '.'}`);
  }
}
