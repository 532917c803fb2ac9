/** The machine: inotify, room on the disks. */
import fs from 'node:fs';
import path from 'node:path';
import { type Check, type Finding, fail, ok, warn } from './finding.js';

/** One watch for each folder, but other programs share them; each program has an instance or two. */
const LIMITS = [
  { name: 'max_user_watches', fail: 256, warn: 8_192, good: 65_536 },
  { name: 'max_user_instances', fail: 16, warn: 64, good: 256 },
] as const;

export const checkInotify: Check = ({ proc }) =>
  LIMITS.flatMap((limit): Finding[] => {
    const file = path.join(proc, 'sys/fs/inotify', limit.name);
    if (!fs.existsSync(file)) return [];
    const value = Number(fs.readFileSync(file, 'utf8'));
    const what = `fs.inotify.${limit.name} is ${value}`;
    const remedy = `echo fs.inotify.${limit.name}=${limit.good} >> /etc/sysctl.d/60-axle.conf && sysctl --system`;
    if (value < limit.fail) return [fail('AXL-INOTIFY', what, remedy)];
    if (value < limit.warn) return [warn('AXL-INOTIFY', what, remedy)];
    return [ok('AXL-INOTIFY', what)];
  });

const MIB = 1024 * 1024;
/** Of what an ordinary account may use. */
const ROOM = { fail: { share: 0.02, bytes: 32 * MIB }, warn: { share: 0.1, bytes: 256 * MIB } } as const;

export const checkDisk: Check = ({ config: { config } }) =>
  [
    ['userdata', config.userdata],
    ['state', config.state],
  ].flatMap(([what = '', folder = '']) => (fs.existsSync(folder) ? roomOf(what, folder) : []));

function roomOf(what: string, folder: string): Finding[] {
  const { bavail, blocks, bsize, ffree, files } = fs.statfsSync(folder);
  const free = bavail * bsize;
  const share = blocks === 0 ? 1 : bavail / blocks;
  const inodes = files === 0 ? 1 : ffree / files;
  const room = `${what} (${folder}): ${Math.round(free / MIB)} MiB free, ${percent(share)}; inodes ${percent(inodes)} free`;
  const remedy = `make room: df -h ${folder}; df -i ${folder}`;
  for (const level of ['fail', 'warn'] as const) {
    const limit = ROOM[level];
    if (share >= limit.share && free >= limit.bytes && inodes >= limit.share) continue;
    return [(level === 'fail' ? fail : warn)('AXL-DISK', room, remedy)];
  }
  return [ok('AXL-DISK', room)];
}

function percent(share: number): string {
  return `${Math.floor(share * 100)} %`;
}
