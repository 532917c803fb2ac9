/** Reading /proc: which processes belong to a lab, and whether the owner of a lab is still alive. */

import { readdirSync, readFileSync } from 'node:fs';

/** When a process started, in clock ticks since boot; undefined when there is no such process (or only its zombie). */
export function startTicks(pid: number): string | undefined {
  const stat = readProc(pid, 'stat');
  // The second field is the program's name in parentheses and may hold anything: count from its end.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields === undefined || fields[0] === 'Z' ? undefined : fields[19];
}

export function isAlive(pid: number): boolean {
  return startTicks(pid) !== undefined;
}

/** Processes whose argument list holds `argument` as one whole argument. */
export function withArgument(argument: string): number[] {
  return allPids().filter((pid) => readProc(pid, 'cmdline')?.split('\0').includes(argument));
}

/** Processes in a cgroup whose path has `name` as one of its folders. */
export function inCgroup(name: string): number[] {
  return allPids().filter((pid) => readProc(pid, 'cgroup')?.includes(`/${name}/`));
}

/** The processes that a process started and that still run. */
export function childrenOf(pid: number): number[] {
  const children = readProc(pid, `task/${pid}/children`);
  return (children ?? '').split(' ').filter(Boolean).map(Number);
}

/** True when the process is PID 1 of a PID namespace of its own, that is, a host's systemd. */
export function isNamespaceInit(pid: number): boolean {
  const ids = /^NSpid:\s+(.*)$/m.exec(readProc(pid, 'status') ?? '')?.[1]?.split(/\s+/) ?? [];
  return ids.length > 1 && ids.at(-1) === '1';
}

export function programOf(pid: number): string | undefined {
  return readProc(pid, 'comm')?.trim();
}

/** Ends one process by its id; that it is gone already is fine. */
export function kill(pid: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone already.
  }
}

function allPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}
