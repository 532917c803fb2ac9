/** Whether somebody listens at an address: TCP connections only, so no rights are needed. */
import { createConnection } from 'node:net';
import type { Ports } from '../readers/device.js';
import type { PortName } from './interview.js';

export interface Probe {
  readonly open: readonly PortName[];
  /** Somebody is there, and takes or refuses connections. */
  readonly answers: boolean;
  /** This machine could not ask: out of descriptors, buffers or neighbours. Says nothing about the address. */
  readonly troubled: boolean;
  /** Of the slowest connection that was taken: a second and more means that a packet was lost. */
  readonly slowest_ms: number;
}

export async function probe(address: string, ports: Ports, limit_ms: number, signal?: AbortSignal): Promise<Probe> {
  const names: readonly PortName[] = ['http', 'rpc', 'whatsminer'];
  const results = await Promise.all(names.map((name) => knock(address, ports[name], limit_ms, signal)));
  return {
    open: names.filter((_, place) => results[place]?.result === 'open'),
    answers: results.some(({ result }) => result === 'open' || result === 'refused'),
    troubled: results.some(({ result }) => result === 'trouble'),
    slowest_ms: Math.max(...results.map(({ result, took_ms }) => (result === 'open' ? took_ms : 0))),
  };
}

/** This machine's own shortages. ENOBUFS is also a full table of neighbours, of a network larger than it was made for. */
const TROUBLES = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EAGAIN', 'EADDRNOTAVAIL']);

interface Knock {
  readonly result: 'open' | 'refused' | 'silent' | 'trouble';
  readonly took_ms: number;
}

function knock(address: string, port: number, limit_ms: number, signal?: AbortSignal): Promise<Knock> {
  return new Promise((resolve) => {
    const started = performance.now();
    const socket = createConnection({ host: address, port, ...(signal === undefined ? {} : { signal }) });
    const finish = (result: Knock['result']) => {
      clearTimeout(timer);
      // A reset would do to an open port what a half-open connection does to small web servers.
      if (result === 'open') socket.end().unref();
      else socket.destroy();
      resolve({ result, took_ms: performance.now() - started });
    };
    const timer = setTimeout(() => finish('silent'), limit_ms);
    socket.once('connect', () => {
      finish('open');
      setTimeout(() => socket.destroy(), 1_000).unref();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ECONNRESET') finish('refused');
      else finish(TROUBLES.has(error.code ?? '') ? 'trouble' : 'silent');
    });
  });
}
