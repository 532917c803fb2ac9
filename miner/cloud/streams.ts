/** Server-sent events for the pages that are open: the fleet when it has changed. Nothing is fetched while nobody looks on. */
import type { ServerResponse } from 'node:http';
import type { CloudFleet, Mirror } from './mirror.js';

export const STREAMS_MAX = 200;
const HEARTBEAT_MS = 15_000;
/** Also unchanged: its age grows. */
const AGAIN_MS = 30_000;
/** A page that does not take what it is sent is let go; it comes back by itself. */
const UNSENT_BYTES_MAX = 4_000_000;

export class Streams {
  readonly #streams = new Set<ServerResponse>();
  #timers: NodeJS.Timeout[] = [];
  #told = '';
  #told_at = 0;

  constructor(readonly mirror: Mirror) {}

  get isFull(): boolean {
    return this.#streams.size >= STREAMS_MAX;
  }

  /** `response` has its head already. */
  async add(response: ServerResponse): Promise<void> {
    this.#streams.add(response);
    response.on('close', () => this.#drop(response));
    response.on('error', () => this.#drop(response));
    if (this.#timers.length === 0)
      this.#timers = [
        setInterval(() => void this.#tell(), this.mirror.ttl_s * 1_000),
        setInterval(() => this.#send(': beat\n\n'), HEARTBEAT_MS),
      ];
    response.write('retry: 5000\n\n');
    const fleet = await this.mirror.view();
    if (this.#streams.has(response)) response.write(eventOf(fleet));
  }

  close(): void {
    for (const response of this.#streams) response.end();
    this.#streams.clear();
    this.#rest();
  }

  async #tell(): Promise<void> {
    const fleet = await this.mirror.view();
    const told = JSON.stringify([
      fleet.message,
      fleet.agents.map(({ name, stale, updated_at }) => [name, stale, updated_at]),
    ]);
    if (told === this.#told && performance.now() - this.#told_at < AGAIN_MS) return;
    this.#told = told;
    this.#told_at = performance.now();
    this.#send(eventOf(fleet));
  }

  #send(text: string): void {
    for (const response of this.#streams) {
      if (response.writableLength > UNSENT_BYTES_MAX) response.destroy();
      else response.write(text);
    }
  }

  #drop(response: ServerResponse): void {
    this.#streams.delete(response);
    if (this.#streams.size === 0) this.#rest();
  }

  #rest(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers = [];
  }
}

function eventOf(fleet: CloudFleet): string {
  return `event: fleet\ndata: ${JSON.stringify(fleet)}\n\n`;
}
