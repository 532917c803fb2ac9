/** Where published fleets are: a Gist, or the documents of a hub. */
import fs from 'node:fs';
import path from 'node:path';
import { isDocumentFile } from '../../common/core/names.js';
import { GistClient } from '../relay/gist.js';
import { KIND } from '../relay/hub-file.js';
import { FILE_NAME } from '../relay/snapshot.js';
import { type Published, PublishedError, readPublished } from './published.js';

/** What one agent has published. */
export interface Part {
  readonly name: string;
  readonly published: Published;
}

export interface Look {
  /** Absent: as it was at the last look. */
  readonly parts?: readonly Part[];
  /** Of parts that could not be read, beside those that could. */
  readonly problems: readonly string[];
  /** Milliseconds since 1970: no look before. */
  readonly not_before?: number;
}

export interface Source {
  readonly name: 'gist' | 'hub';
  /** How much older than the agent's interval says its data may look here, because something between keeps copies. */
  readonly delay_s: number;
  /** Rejects with an error that may have a hint, and with `GistFault`. */
  look(): Promise<Look>;
}

export interface GistPlace {
  readonly id?: string | undefined;
  /** Goes before the id. */
  readonly raw_url?: string | undefined;
  readonly token?: string | undefined;
  readonly api_url?: string | undefined;
  readonly now: () => number;
  readonly timeout_ms?: number;
}

/** GitHub hands out raw files that are up to five minutes old. */
const RAW_DELAY_S = 300;
const API_DELAY_S = 30;
/** Of GitHub's limit: an end of it that lies further ahead is a mistake of somebody's clock. */
const WINDOW_MS = 3_600_000;

export class GistSource implements Source {
  readonly name = 'gist';
  readonly delay_s: number;
  readonly #place: GistPlace;
  readonly #client: GistClient;
  #tag: string | undefined;

  constructor(place: GistPlace) {
    const { token, api_url, now, timeout_ms } = place;
    this.#place = place;
    this.delay_s = place.raw_url === undefined ? API_DELAY_S : RAW_DELAY_S;
    this.#client = new GistClient({
      ...(api_url !== undefined && { api_url }),
      ...(timeout_ms !== undefined && { timeout_ms }),
      token,
      now,
    });
  }

  async look(): Promise<Look> {
    const { id = '', raw_url, now } = this.#place;
    const { text, tag, budget } =
      raw_url === undefined
        ? await this.#client.read(id, FILE_NAME, this.#tag)
        : await this.#client.readRaw(raw_url, this.#tag);
    // What is left until the end of the window is used evenly: without a token it is 60 requests an hour.
    const left_ms = budget === undefined ? 0 : Math.min(budget.reset_at - now(), WINDOW_MS);
    const not_before = budget === undefined ? undefined : now() + Math.max(0, left_ms) / (budget.remaining + 1);
    const paced = not_before === undefined ? {} : { not_before };
    if (text === undefined) return { problems: [], ...paced };
    const published = readPublished(text);
    // Not before it is understood: what was not is looked at again.
    this.#tag = tag;
    return { parts: [{ name: 'gist', published }], problems: [], ...paced };
  }
}

/** More agents than this at one hub are not shown. */
const FILES_MAX = 1_000;
const FILE_BYTES_MAX = 16_000_000;

export class HubSource implements Source {
  readonly name = 'hub';
  readonly delay_s = 0;
  /** File → what it held when it looked like this. */
  #known = new Map<string, { readonly print: string; readonly published: Published }>();

  /** `userdata`: of the hub, or of any site that has the kind. */
  constructor(readonly userdata: string) {}

  async look(): Promise<Look> {
    const folder = path.join(this.userdata, KIND);
    const names = (await fs.promises.readdir(folder).catch((error: Error) => noFolder(folder, error)))
      .filter(isDocumentFile)
      .sort()
      .slice(0, FILES_MAX);
    const parts: Part[] = [];
    const known = new Map<string, { readonly print: string; readonly published: Published }>();
    const problems: string[] = [];
    for (const file of names) {
      try {
        const place = path.join(folder, file);
        const { ino, size, mtimeNs } = await fs.promises.lstat(place, { bigint: true });
        const print = `${ino}:${size}:${mtimeNs}`;
        const before = this.#known.get(file);
        const published = before?.print === print ? before.published : readPublished(await readRegular(place));
        known.set(file, { print, published });
        parts.push({ name: file.replace(/\.txt$/, ''), published });
      } catch (error) {
        // One that has just been removed is no problem.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') problems.push(`${file}: ${(error as Error).message}`);
      }
    }
    this.#known = known;
    if (names.length === 0)
      problems.push(
        `${folder} is empty: does an agent publish to the hub (relay.hub), and do its spoke and the hub have kinds: { ${KIND}: {} } in their configs?`,
      );
    return { parts, problems };
  }
}

function noFolder(folder: string, error: Error): never {
  throw new Error(`${error.message}: make ${folder}, and add kinds: { ${KIND}: {} } to the configs of hub and spoke`);
}

async function readRegular(file: string): Promise<string> {
  const handle = await fs.promises.open(
    file,
    fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK,
  );
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw new PublishedError('it is no regular file');
    if (stat.size > FILE_BYTES_MAX) throw new PublishedError(`it has more than ${FILE_BYTES_MAX} bytes`);
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}
