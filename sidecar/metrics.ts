/** The sidecar's own figures for Prometheus, beside those of its site. No user and no amount is in them. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

const BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

export class Metrics {
  readonly #requests: Histogram<'method' | 'route' | 'status'>;
  readonly #changes: Counter<'kind'>;
  readonly #replays: Counter;
  readonly #refusals: Counter<'reason'>;
  readonly listeners: Gauge;

  constructor(readonly registry: Registry) {
    const registers = [registry];
    this.#requests = new Histogram({
      name: 'axle_http_request_duration_seconds',
      help: 'Requests by route and status',
      labelNames: ['method', 'route', 'status'],
      buckets: BUCKETS_S,
      registers,
    });
    this.#changes = new Counter({
      name: 'axle_changes_total',
      help: 'Changes of balances that were made',
      labelNames: ['kind'],
      registers,
    });
    this.#replays = new Counter({ name: 'axle_replays_total', help: 'Changes asked for again', registers });
    this.#refusals = new Counter({
      name: 'axle_refusals_total',
      help: 'Changes that were refused',
      labelNames: ['reason'],
      registers,
    });
    this.listeners = new Gauge({ name: 'axle_event_listeners', help: 'Open event streams', registers });
  }

  request(method: string, route: string, status: number, seconds: number): void {
    this.#requests.observe({ method, route, status }, seconds);
  }

  changed(amount: string): void {
    this.#changes.inc({ kind: amount.startsWith('-') ? 'debit' : 'credit' });
  }

  replayed(): void {
    this.#replays.inc();
  }

  refused(reason: string): void {
    this.#refusals.inc({ reason });
  }
}
