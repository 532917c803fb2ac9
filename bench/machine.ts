/** What was measured on: without it a number means nothing. */

import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { must } from '../e2e/lab/exec.js';

export interface Machine {
  cpu: string;
  cores: number;
  memory_gib: number;
  os: string;
  kernel: string;
  node: string;
  rsync: string;
  ssh: string;
  /** All hosts write to memory, so that no system waits for a disk: an fsync is nearly free for all of them. */
  storage: string;
}

export async function describeMachine(): Promise<Machine> {
  const rsync = (await must(['rsync', '--version'])).split('\n')[0]?.replace(/\s+/g, ' ') ?? '';
  const ssh = await must(['/bin/sh', '-c', 'ssh -V 2>&1']);
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memory_gib: Math.round(totalmem() / 2 ** 30),
    os: /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'Linux',
    kernel: release(),
    node: process.version,
    rsync,
    ssh: ssh.split(',')[0] ?? '',
    storage: 'tmpfs',
  };
}
