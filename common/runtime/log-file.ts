/**
 * The log's second place: a file that is rotated by size. winston's own loses every line after the first that a full disk
 * refused, without a word; here each line is tried, so that the file goes on by itself when there is room.
 */
import fs from 'node:fs';
import path from 'node:path';
import { Writable } from 'node:stream';
import { makeFolders } from './folders.js';

export type LogFileOptions = {
  /** Its directory is made if need be. */
  readonly file: string;
  readonly bytes_max: number;
  /** The current one and the older ones: `sync-daemon.log`, `sync-daemon1.log` (newer), `sync-daemon2.log`, … */
  readonly files_max: number;
  /** A line could not be written; called for each such line. */
  readonly onLost: (error: Error) => void;
  /** A line could be written after one that could not. */
  readonly onAgain: () => void;
};

export class LogFile extends Writable {
  readonly #options: LogFileOptions;
  #fd: number | undefined;
  #bytes = 0;
  #isLost = false;

  constructor(options: LogFileOptions) {
    super({ decodeStrings: true });
    this.#options = options;
  }

  override _write(line: Buffer, _encoding: BufferEncoding, done: () => void): void {
    try {
      this.#append(line);
      if (this.#isLost) this.#options.onAgain();
      this.#isLost = false;
    } catch (error) {
      this.#close();
      this.#isLost = true;
      this.#options.onLost(error as Error);
    }
    done();
  }

  override _final(done: () => void): void {
    this.#close();
    done();
  }

  #append(line: Buffer): void {
    this.#fd ??= this.#open();
    if (this.#bytes > 0 && this.#bytes + line.length > this.#options.bytes_max) {
      this.#rotate();
      this.#fd = this.#open();
    }
    // Not one writeSync: on a nearly full disk that may take a part.
    fs.writeFileSync(this.#fd, line);
    this.#bytes += line.length;
  }

  #open(): number {
    const { file } = this.#options;
    makeFolders(path.dirname(file));
    const fd = fs.openSync(file, 'a', 0o644);
    this.#bytes = fs.fstatSync(fd).size;
    return fd;
  }

  #rotate(): void {
    const { file, files_max } = this.#options;
    const { dir, name, ext } = path.parse(file);
    const nth = (n: number): string => (n === 0 ? file : path.join(dir, `${name}${n}${ext}`));
    this.#close();
    fs.rmSync(nth(files_max - 1), { force: true });
    for (let n = files_max - 2; n >= 0; n -= 1) if (fs.existsSync(nth(n))) fs.renameSync(nth(n), nth(n + 1));
  }

  #close(): void {
    const fd = this.#fd;
    this.#fd = undefined;
    if (fd !== undefined) fs.closeSync(fd);
  }
}
