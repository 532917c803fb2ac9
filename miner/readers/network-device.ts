/** One device on the network. All that is asked of it together has one time budget: a hung device costs nobody else. */
import type { Agent } from 'node:http';
import { type Device, type HttpRequest, type Login, type Ports, STANDARD_PORTS } from './device.js';
import { DeviceSilentError } from './errors.js';
import { requestHttp } from './http.js';
import { askRpc } from './rpc.js';
import { askWhatsminer } from './whatsminer-rpc.js';

export interface DeviceOptions {
  /** Default: those that miners listen on. */
  readonly ports?: Partial<Ports>;
  /** To be connected, default 1,500. */
  readonly connect_ms?: number;
  /** From the question to the whole answer, default 4,000. */
  readonly answer_ms?: number;
  /** Everything that is asked of it, default 10,000. */
  readonly total_ms?: number;
  /** Longer answers are refused, default 1 MiB; the longest seen of a miner is 64 KiB. */
  readonly bytes_max?: number;
  /**
   * Keeps its HTTP connection between readings, for the web servers of an ESP32, which survive one connection that stays
   * better than many: `new http.Agent({ keepAlive: true, maxSockets: 1 })`. Default: every connection is closed.
   */
  readonly agent?: Agent;
  readonly login?: Login;
  readonly signal?: AbortSignal;
}

/** What one question may cost. */
export interface Limits {
  readonly connect_ms: number;
  readonly answer_ms: number;
  readonly bytes_max: number;
  readonly agent?: Agent;
  readonly signal?: AbortSignal;
}

export class NetworkDevice implements Device {
  readonly address: string;
  readonly login?: Login;
  readonly #ports: Ports;
  readonly #options: DeviceOptions;
  readonly #ends_at: number;

  constructor(address: string, options: DeviceOptions = {}) {
    this.address = address;
    if (options.login !== undefined) this.login = options.login;
    this.#ports = { ...STANDARD_PORTS, ...options.ports };
    this.#options = options;
    this.#ends_at = performance.now() + (options.total_ms ?? 10_000);
  }

  async rpc(command: string, parameter?: string): Promise<string> {
    return askRpc(
      this.address,
      this.#ports.rpc,
      { command, ...(parameter === undefined ? {} : { parameter }) },
      this.#limits(),
    );
  }

  async whatsminer(command: string, parameter?: string): Promise<string> {
    const question = { cmd: command, ...(parameter === undefined ? {} : { param: parameter }) };
    return askWhatsminer(this.address, this.#ports.whatsminer, question, this.#limits());
  }

  async http(request: HttpRequest): Promise<string> {
    return requestHttp(this.address, this.#ports.http, request, this.#limits());
  }

  #limits(): Limits {
    const { connect_ms = 1_500, answer_ms = 4_000, bytes_max = 1 << 20, agent, signal } = this.#options;
    const left_ms = this.#ends_at - performance.now();
    if (left_ms <= 0) throw new DeviceSilentError(`${this.address} used up the time for all its answers`);
    return {
      connect_ms: Math.min(connect_ms, left_ms),
      answer_ms: Math.min(answer_ms, left_ms),
      bytes_max,
      ...(agent === undefined ? {} : { agent }),
      ...(signal === undefined ? {} : { signal }),
    };
  }
}
