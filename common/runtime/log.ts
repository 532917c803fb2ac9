/** The daemons' log: winston underneath, one line for each thing that happened. */
import { fstatSync } from 'node:fs';
import { createLogger, format, type Logger, transports } from 'winston';
import { LogFile } from './log-file.js';
import {
  type Entry,
  type Fields,
  type Level,
  renderFile,
  renderJournal,
  renderJson,
  renderTerminal,
} from './log-line.js';

export type { Fields, Level } from './log-line.js';

/** What the engine takes. `event` is a constant word or two (`materialised`); everything that varies is a field. */
export interface Log {
  error(event: string, fields?: Fields): void;
  warn(event: string, fields?: Fields): void;
  info(event: string, fields?: Fields): void;
  debug(event: string, fields?: Fields): void;
}

/** A log that owns a stream or a file. */
export interface OpenLog extends Log {
  /** From now on, in all places. */
  setLevel(level: Level): void;
  /** Resolves when everything has been written. */
  close(): Promise<void>;
}

export const LOG_FORMATS = ['auto', 'journal', 'terminal', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

export type LogOptions = {
  /** `auto`: for journald under systemd, else for people. */
  readonly format: LogFormat;
  readonly level: Level;
  /** A second place for the same entries; rotated at 10 MB, five kept. Its directory is made if need be. */
  readonly file?: string | undefined;
  /** Default stdout. */
  readonly stream?: NodeJS.WriteStream | NodeJS.WritableStream;
  readonly now?: () => Date;
};

const LEVELS: Readonly<Record<Level, number>> = { error: 0, warn: 1, info: 2, debug: 3 };
const FILE_BYTES_MAX = 10 * 1024 * 1024;
const FILES_MAX = 5;
const FILE_TOLD_MS = 60_000;
const CLOSE_MS_MAX = 1000;

export function createLog(options: LogOptions): OpenLog {
  const now = options.now ?? (() => new Date());
  const stream = options.stream ?? process.stdout;
  const render = rendererFor(options.format, stream);
  const main = open(new transports.Stream({ stream, eol: '\n', format: entryFormat(render) }), options.level);
  // What goes wrong with it is logged to the main stream.
  let file: Sink | undefined;
  const write =
    (level: Level) =>
    (event: string, fields: Fields = {}) => {
      const entry: Entry = { time: now(), level, event, fields };
      main.write(entry);
      file?.write(entry);
    };
  const log: Log = { error: write('error'), warn: write('warn'), info: write('info'), debug: write('debug') };
  if (options.file !== undefined) file = openFile(options.file, options.level, log, now);
  const setLevel = (level: Level): void => {
    for (const sink of [main, file]) sink?.setLevel(level);
  };
  return { ...log, setLevel, close: async () => void (await Promise.all([main.close(), file?.close()])) };
}

type Sink = { write(entry: Entry): void; setLevel(level: Level): void; close(): Promise<void> };

function open(transport: Logger['transports'][number], level: Level): Sink {
  const logger = createLogger({
    level,
    levels: { ...LEVELS },
    transports: [transport],
    // By default every entry becomes JSON before the transport's own format is asked: half of a line's price.
    format: format((info) => info)(),
  });
  // Its transports report for themselves; without a listener an error would end the process.
  logger.on('error', () => {});
  return {
    // Under a key of our own: winston gives `message`, `level` and others of an entry's keys a meaning.
    write: (entry) => void logger.log({ level: entry.level, message: entry.event, entry }),
    setLevel: (level) => {
      logger.level = level;
    },
    close: () =>
      new Promise((resolve) => {
        // winston waits without end for a file that broke.
        const patience = setTimeout(resolve, CLOSE_MS_MAX);
        logger.once('finish', () => {
          clearTimeout(patience);
          resolve();
        });
        logger.end();
      }),
  };
}

/** A full disk or a folder that is not ours costs lines of the file, never the daemon. Told once a minute. */
function openFile(file: string, level: Level, log: Log, now: () => Date): Sink {
  let told_ms = Number.NEGATIVE_INFINITY;
  const onLost = (error: Error): void => {
    const now_ms = now().getTime();
    if (now_ms - told_ms < FILE_TOLD_MS) return;
    told_ms = now_ms;
    log.warn('log file cannot be written', {
      file,
      reason: error.message,
      code: 'AXL-LOG-FILE',
      hint: 'the log goes on without it; make it writable for this account, or make room',
    });
  };
  const onAgain = (): void => log.info('log file written again', { file });
  const stream = new LogFile({ file, bytes_max: FILE_BYTES_MAX, files_max: FILES_MAX, onLost, onAgain });
  return open(new transports.Stream({ stream, eol: '\n', format: entryFormat(renderFile) }), level);
}

/** A log that says nothing. */
export const SILENT: Log = { error() {}, warn() {}, info() {}, debug() {} };

function rendererFor(format: LogFormat, stream: object): (entry: Entry) => string {
  const isTerminal = 'isTTY' in stream && stream.isTTY === true;
  if (format === 'json') return renderJson;
  if (format === 'journal' || (format === 'auto' && isJournal(stream, process.env))) return renderJournal;
  const colour = isTerminal && (process.env.NO_COLOR ?? '') === '';
  return (entry) => renderTerminal(entry, colour);
}

/**
 * Whether the stream is connected to journald. JOURNAL_STREAM alone is not enough: it is inherited by everything that a
 * unit starts, also by what has its output redirected; it names device and inode for this comparison (systemd.exec(5)).
 */
export function isJournal(stream: object, env: Readonly<Record<string, string | undefined>>): boolean {
  if (!env.JOURNAL_STREAM || !('fd' in stream) || typeof stream.fd !== 'number') return false;
  try {
    const { dev, ino } = fstatSync(stream.fd);
    return env.JOURNAL_STREAM === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

function entryFormat(render: (entry: Entry) => string) {
  return format.printf((info) => render(info.entry as Entry));
}
