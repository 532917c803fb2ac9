/** Goes through all checks. One that breaks is a finding itself, and keeps no other from being made. */
import { callControl, controlSocket } from '../../common/runtime/control.js';
import { start } from '../../common/runtime/spawn.js';
import type { SiteStatus } from '../../common/site/status.js';
import { checkConfig, readConfig } from './config.js';
import {
  checkBacklog,
  checkClocks,
  checkHeld,
  checkPeersUp,
  checkRoundTrip,
  checkRunning,
  checkUnit,
  checkWatcher,
} from './daemon.js';
import { type Check, type Finding, fail, type Subject } from './finding.js';
import { checkDaemonAccount, checkFolders, checkPhp, checkShared, checkState } from './folders.js';
import { checkDisk, checkInotify } from './machine.js';
import { checkPeers } from './peers.js';
import { checkPrograms } from './programs.js';

/** In the order in which a person would look: the first that fails often explains the rest. */
const CHECKS: readonly (readonly [name: string, check: Check])[] = [
  ['config', checkConfig],
  ['programs', checkPrograms],
  ['inotify', checkInotify],
  ['disk', checkDisk],
  ['folders', checkFolders],
  ['state', checkState],
  ["the daemon's account", checkDaemonAccount],
  ['PHP', checkPhp],
  ["each other's files", checkShared],
  ['unit', checkUnit],
  ['daemon', checkRunning],
  ['watcher', checkWatcher],
  ['ssh', checkPeers],
  ['peers', checkPeersUp],
  ['round trip', checkRoundTrip],
  ['clocks', checkClocks],
  ['held', checkHeld],
  ['backlog', checkBacklog],
];

export type DoctorOptions = {
  readonly file: string;
  readonly roundTrip: boolean;
  readonly phpUser?: string | undefined;
  /** For tests: other places, another Node. */
  readonly over?: Partial<Subject>;
};

/** No program that a check runs takes longer. */
const PROGRAM_MS = 20_000;

/** Calls back with each finding as it is made. */
export async function examine(options: DoctorOptions, onFinding: (finding: Finding) => void): Promise<void> {
  const { file, roundTrip, phpUser, over } = options;
  const config = readConfig(file);
  if (Array.isArray(config)) {
    for (const finding of config) onFinding(finding);
    return;
  }
  const ask = (route: string): Promise<unknown> => callControl(controlSocket(config.config.state), route, {});
  const status = (await ask('status').catch(() => undefined)) as SiteStatus | undefined;
  const subject: Subject = {
    file,
    config,
    status,
    ask,
    run: async (program, args) => {
      const child = start(program, args, { timeout_ms: PROGRAM_MS });
      child.end();
      return child.exited;
    },
    roundTrip,
    nodeVersion: process.version,
    proc: '/proc',
    systemd: '/run/systemd/system',
    ...(phpUser !== undefined && { phpUser }),
    ...over,
  };
  for (const [name, check] of CHECKS) for (const finding of await made(name, check, subject)) onFinding(finding);
}

async function made(name: string, check: Check, subject: Subject): Promise<Finding[]> {
  try {
    return await check(subject);
  } catch (error) {
    const { message } = error as Error;
    return [fail('AXL-CHECK-BROKEN', `${name}: ${message}`, 'run axle doctor as root; report it if it stays')];
  }
}
