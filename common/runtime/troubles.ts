/**
 * Broken machinery in an operator's words: what an errno or SQLite code means here, and what to do now. Pure.
 *
 * A trouble is not a refusal: refusals (a torn file, a foreign batch) are values with codes of their own.
 */
export type Trouble = {
  /** AXL-…: stable, for search and alarms. */
  readonly code: string;
  /** The machine's own words. */
  readonly reason: string;
  /** What the operator does now. */
  readonly hint: string;
  /** Said once the step works again. */
  readonly over: string;
  /** Trying again cannot help: the daemon stops, and the next start deals with it. */
  readonly isFatal: boolean;
};

type Meaning = { readonly hint: string; readonly over: string; readonly isFatal?: boolean };

const RETRIED = 'nothing is lost; it is tried again until then';

/** Every code that `troubleOf` gives by itself. */
export const TROUBLES = {
  'AXL-DISK-FULL': {
    hint: `the disk is full: free space where userdata and state lie (df -h, and df -i); ${RETRIED}`,
    over: 'the disk has room again',
  },
  'AXL-READ-ONLY': {
    hint: `the file system is mounted read-only: look at dmesg, repair and remount it; ${RETRIED}`,
    over: 'the disk can be written again',
  },
  'AXL-PERMISSION': {
    hint: `the daemon may not do that: compare owner and mode with the account of the daemon; ${RETRIED}`,
    over: 'permission is granted again',
  },
  'AXL-WATCH-LIMIT': {
    hint: 'raise fs.inotify.max_user_watches (sysctl); until then changes are found by scanning, which takes longer',
    over: 'everything is watched again',
  },
  'AXL-WATCH-INSTANCES': {
    hint: 'raise fs.inotify.max_user_instances (sysctl) or LimitNOFILE of the unit; until then changes are found by scanning',
    over: 'everything is watched again',
  },
  'AXL-OPEN-FILES': {
    hint: `too many open files: raise LimitNOFILE of the unit (ENFILE: fs.file-max); ${RETRIED}`,
    over: 'files can be opened again',
  },
  'AXL-MEMORY': { hint: `the machine is out of memory: see what takes it; ${RETRIED}`, over: 'there is memory again' },
  'AXL-DISK-ERROR': {
    hint: `the disk gives errors: look at dmesg, and at df -h; ${RETRIED}`,
    over: 'the disk works again',
  },
  'AXL-STATE-OPEN': {
    hint: `state.db cannot be opened: compare owner and mode of the state folder with the account of the daemon; ${RETRIED}`,
    over: 'state.db can be opened again',
  },
  'AXL-STATE-BUSY': {
    hint: `another program holds state.db: two daemons for one site, or a backup? stop it; ${RETRIED}`,
    over: 'state.db is free again',
  },
  'AXL-STATE-MOVED': {
    hint: 'state.db was moved or replaced under the running daemon, which stops: the next start looks at what is there',
    over: '',
    isFatal: true,
  },
  'AXL-STATE-CORRUPT': {
    hint: 'state.db is damaged; the daemon stops and sets it aside: a spoke then joins anew, a hub says what it needs. Look at the disk (dmesg)',
    over: '',
    isFatal: true,
  },
  'AXL-LOCKED': {
    hint: `a writer does not let go of its lock: look for a hanging process; ${RETRIED}`,
    over: 'the lock is free again',
  },
  'AXL-FAULT': { hint: 'it is tried again; if it lasts, report it with this line', over: 'it works again' },
} satisfies Readonly<Record<string, Meaning>>;

export type TroubleCode = keyof typeof TROUBLES;

/** SQLite's extended codes (SQLITE_IOERR_WRITE) begin with the word that says what to do. */
const SQLITE: readonly (readonly [prefix: string, code: TroubleCode])[] = [
  ['SQLITE_CORRUPT', 'AXL-STATE-CORRUPT'],
  ['SQLITE_NOTADB', 'AXL-STATE-CORRUPT'],
  ['SQLITE_FULL', 'AXL-DISK-FULL'],
  ['SQLITE_READONLY_DBMOVED', 'AXL-STATE-MOVED'],
  ['SQLITE_READONLY', 'AXL-READ-ONLY'],
  ['SQLITE_IOERR_NOMEM', 'AXL-MEMORY'],
  // A shared-memory file that cannot grow, next to the database: on a full disk, this comes before SQLITE_FULL.
  ['SQLITE_IOERR_SHMSIZE', 'AXL-DISK-FULL'],
  ['SQLITE_IOERR', 'AXL-DISK-ERROR'],
  ['SQLITE_NOMEM', 'AXL-MEMORY'],
  ['SQLITE_CANTOPEN', 'AXL-STATE-OPEN'],
  ['SQLITE_PERM', 'AXL-PERMISSION'],
  ['SQLITE_BUSY', 'AXL-STATE-BUSY'],
  ['SQLITE_LOCKED', 'AXL-STATE-BUSY'],
];

const ERRNO: ReadonlyMap<string, TroubleCode> = new Map([
  ['ENOSPC', 'AXL-DISK-FULL'],
  ['EDQUOT', 'AXL-DISK-FULL'],
  ['EROFS', 'AXL-READ-ONLY'],
  ['EACCES', 'AXL-PERMISSION'],
  ['EPERM', 'AXL-PERMISSION'],
  ['EMFILE', 'AXL-OPEN-FILES'],
  ['ENFILE', 'AXL-OPEN-FILES'],
  ['ENOMEM', 'AXL-MEMORY'],
  ['EIO', 'AXL-DISK-ERROR'],
  ['ELOCKED', 'AXL-LOCKED'],
]);

/** What inotify calls a full disk and open files is something else: watches, and inotify instances. */
const OF_WATCHES: ReadonlyMap<string, TroubleCode> = new Map([
  ['ENOSPC', 'AXL-WATCH-LIMIT'],
  ['EMFILE', 'AXL-WATCH-INSTANCES'],
  ['ENFILE', 'AXL-WATCH-INSTANCES'],
]);

/** @parcel/watcher and `sync` put strerror into their messages, and give no code. */
const STRERROR: readonly (readonly [words: string, errno: string])[] = [
  ['No space left on device', 'ENOSPC'],
  ['Too many open files', 'EMFILE'],
  ['Permission denied', 'EACCES'],
  ['Read-only file system', 'EROFS'],
  ['Input/output error', 'EIO'],
];

/** Takes whatever was thrown. An error that carries an AXL code and a hint of its own keeps them. */
export function troubleOf(error: unknown): Trouble {
  const { code, message, hint, syscall } = Object(error) as NodeJS.ErrnoException & { hint?: unknown };
  const reason = typeof message === 'string' && message !== '' ? message : String(error);
  const known = codeOf(typeof code === 'string' ? code : '', reason, syscall);
  const { isFatal = false, ...meaning }: Meaning = TROUBLES[known];
  const own = typeof code === 'string' && code.startsWith('AXL-') ? code : known;
  return { ...meaning, code: own, reason, hint: typeof hint === 'string' ? hint : meaning.hint, isFatal };
}

/** The fields of a log line about a trouble. */
export function fieldsOf({ code, reason, hint }: Trouble): { code: string; reason: string; hint: string } {
  return { code, reason, hint };
}

function codeOf(code: string, reason: string, syscall: string | undefined): TroubleCode {
  if (Object.hasOwn(TROUBLES, code)) return code as TroubleCode;
  const isOfWatches = syscall === 'watch' || (code === '' && reason.includes('inotify'));
  const errno = code === '' ? (STRERROR.find(([words]) => reason.includes(words))?.[1] ?? '') : code;
  return (
    (isOfWatches ? OF_WATCHES.get(errno) : undefined) ??
    SQLITE.find(([prefix]) => errno.startsWith(prefix))?.[1] ??
    ERRNO.get(errno) ??
    'AXL-FAULT'
  );
}
