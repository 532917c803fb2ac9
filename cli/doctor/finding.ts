/** What a check of `axle doctor` takes and gives. */
import type { Config } from '../../common/runtime/config.js';
import type { ProcessResult } from '../../common/runtime/spawn.js';
import type { SiteStatus } from '../../common/site/status.js';

export type Level = 'ok' | 'warn' | 'fail';

/** Every code of `axle doctor`, and what it means. */
export const CODES = {
  'AXL-CONFIG': 'a mistake in the config',
  'AXL-IDENTITY-OFF': 'the sidecar believes everybody',
  'AXL-LOG-FOLDER': "the log file's folder is missing",
  'AXL-NODE': 'Node: its version',
  'AXL-RSYNC': 'rsync: there, and without known holes',
  'AXL-SSH': 'the ssh client: there',
  'AXL-UNIT-INACTIVE': "the daemon's unit: running",
  'AXL-UNIT-DISABLED': "the daemon's unit: started at boot",
  'AXL-NOT-RUNNING': 'the daemon: running and answering',
  'AXL-NOT-READY': 'the daemon: ready',
  'AXL-VERSION': 'the daemon: of the version that is installed',
  'AXL-TROUBLE': 'a step of the daemon does not work',
  'AXL-PEER-AWAY': 'a peer: up',
  'AXL-HELD': 'held changes: none',
  'AXL-OVERDRAWN': 'overdrawn documents: none',
  'AXL-BACKLOG': 'what waits: shrinks',
  'AXL-CLOCK': 'clocks: together',
  'AXL-WATCHER': 'the watcher: sees a new file',
  'AXL-ROUND-TRIP': 'a message to a peer and its answer',
  'AXL-PEER-UNREACHABLE': "a peer's ssh: answers",
  'AXL-HOST-KEY': "a peer's host key: the one that was pinned",
  'AXL-KEY-REFUSED': 'our key: accepted by the peer',
  'AXL-FORCED-COMMAND': 'our key: can do nothing there but deliver',
  'AXL-PEER-RSYNC': 'rsync at the peer: there',
  'AXL-PEER-FOLDER': 'a folder link: the inbox is there and can be written',
  'AXL-NO-FOLDER': "a kind's folder: there",
  'AXL-PHP-WRITE': "the site's PHP: can write documents",
  'AXL-DAEMON-WRITE': 'the daemon: can write documents and state',
  'AXL-STATE-PERMISSION': 'state, keys and tokens: for the daemon alone',
  'AXL-KEY-MISSING': 'ssh key and known_hosts: there',
  'AXL-INOTIFY': 'inotify: enough watches and instances',
  'AXL-DISK': 'disks: room and inodes',
  'AXL-CHECK-BROKEN': 'a check could not be made',
} as const;

export type Code = keyof typeof CODES;

export type Finding = {
  readonly level: Level;
  readonly code: Code;
  readonly what: string;
  /** What to do now; never missing where something is wrong. */
  readonly remedy?: string;
};

export type Subject = {
  /** The config's path, for messages. */
  readonly file: string;
  readonly config: Config;
  /** Undefined where the daemon did not answer. */
  readonly status: SiteStatus | undefined;
  /** Asks the daemon; rejects as `callControl`. */
  readonly ask: (route: string) => Promise<unknown>;
  /** Runs a program to its end, bounded in time; never rejects. */
  readonly run: (program: string, args: readonly string[]) => Promise<ProcessResult>;
  /** Account under which the site's PHP runs; the owner of userdata where it is left out. */
  readonly phpUser?: string;
  readonly roundTrip: boolean;
  /** Of this Node: `v20.19.0`. */
  readonly nodeVersion: string;
  /** Where the kernel tells; a test has its own. */
  readonly proc: string;
  /** There where systemd runs the machine. */
  readonly systemd: string;
};

export type Check = (subject: Subject) => Promise<Finding[]> | Finding[];

export function ok(code: Code, what: string): Finding {
  return { level: 'ok', code, what };
}

export function warn(code: Code, what: string, remedy: string): Finding {
  return { level: 'warn', code, what, remedy };
}

export function fail(code: Code, what: string, remedy: string): Finding {
  return { level: 'fail', code, what, remedy };
}

/** The unit that runs this site's daemon. */
export function unitOf({ role }: Config): string {
  return role === 'hub' ? 'hub-distribute.service' : 'sync-to-hub.service';
}

/** The first line of what a program had to say. */
export function firstLine({ stdout, stderr, failedToStart }: ProcessResult): string {
  return (failedToStart ?? (stderr.trim() || stdout.trim())).split('\n')[0]?.slice(0, 200) ?? '';
}
