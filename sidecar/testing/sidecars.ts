/** A sidecar at a site of the lab, with tokens and users of its own. */
import { createHmac } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { Registry } from 'prom-client';
import { parseSpokeConfig } from '../../common/runtime/config.js';
import { hashToken, writeTokens } from '../../common/runtime/tokens.js';
import type { Lab, LabSite } from '../../common/testing/sites.js';
import { SCOPES, type Scope } from '../access/tokens.js';
import type { SidecarConfig } from '../config.js';
import { type Sidecar, startSidecar } from '../main.js';

export const SERVICE = 'axle_service';
export const READER = 'axle_reader';
export const SECRET = 'a secret of both servers, long enough';

export type Answer = {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: what an answer holds is what the tests look at
  readonly body: any;
};

export type Ask = {
  readonly method?: string;
  readonly body?: unknown;
  readonly as?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
};

let keys = 0;

export class LabSidecar {
  #running: Sidecar | undefined;

  private constructor(
    readonly lab: Lab,
    readonly at: LabSite,
    readonly config: SidecarConfig,
  ) {}

  /** `more`: YAML-like values over the defaults of the section. Needs no running site. */
  static async start(lab: Lab, at: LabSite, more: Readonly<Record<string, unknown>> = {}): Promise<LabSidecar> {
    const folder = fs.mkdtempSync(path.join(lab.root, 'sidecar-'));
    fs.writeFileSync(path.join(folder, 'secret'), `${SECRET}\n`);
    const token = (name: string, text: string, scopes: readonly Scope[]) => ({
      name,
      sha256: hashToken(text),
      scopes: [...scopes],
      created: '2026-01-01',
    });
    writeTokens(path.join(folder, 'tokens.json'), [
      token('php', SERVICE, SCOPES),
      token('reader', READER, ['balances:read']),
    ]);
    const section = {
      port: 0,
      socket: path.join(folder, 'sidecar.sock'),
      tokens: path.join(folder, 'tokens.json'),
      jwt_secret: path.join(folder, 'secret'),
      ...more,
    };
    const { sidecar } = parseSpokeConfig(
      JSON.stringify({
        site: at.name,
        userdata: at.userdata,
        hub: { site: 'hub', link: { type: 'folder', inbox: '/x' } },
        sidecar: section,
      }),
      'test.yaml',
    );
    const self = new LabSidecar(lab, at, sidecar as SidecarConfig);
    await self.start();
    return self;
  }

  async start(): Promise<void> {
    const { at } = this;
    const log =
      (level: 'error' | 'warn' | 'info' | 'debug') =>
      (event: string, fields: object = {}) => {
        at.log.push({ level, event, fields: { ...fields } });
      };
    // The site of the moment: a test may crash it and start another.
    const books = {
      get isReady() {
        return at.isAlive && at.site.isReady;
      },
      get replica() {
        return at.site.replica;
      },
      change: (...args: Parameters<typeof at.site.change>) => at.site.change(...args),
      read: (document: string) => at.site.read(document),
      edit: (...args: Parameters<typeof at.site.edit>) => at.site.edit(...args),
    };
    const registry = new Registry();
    registry.setDefaultLabels({ site: at.name });
    this.#running = await startSidecar(
      at.name,
      this.config,
      books,
      {
        error: log('error'),
        warn: log('warn'),
        info: log('info'),
        debug: log('debug'),
      },
      registry,
    );
  }

  get running(): Sidecar {
    if (this.#running === undefined) throw new Error('the sidecar is not running');
    return this.#running;
  }

  get base(): string {
    return `http://127.0.0.1:${this.running.port}`;
  }

  async ask(url: string, { method = 'GET', body, as = SERVICE, headers = {} }: Ask = {}): Promise<Answer> {
    const isText = typeof body === 'string';
    const response = await fetch(this.base + url, {
      method,
      headers: {
        ...(as !== '' && { authorization: `Bearer ${as}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: isText ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json');
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  }

  get(url: string, as?: string): Promise<Answer> {
    return this.ask(url, { as });
  }

  /** A change with a key of its own unless one is given. */
  change(user: string, body: unknown, key = `key-${++keys}`, as?: string): Promise<Answer> {
    const headers = { 'idempotency-key': key };
    return this.ask(`/v1/balances/${user}/changes`, { method: 'POST', body, as, headers });
  }

  async close(): Promise<void> {
    await this.#running?.close();
    this.#running = undefined;
  }
}

const text = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A user's token as the auth server makes it. */
export function jwt(
  user: string,
  more: Readonly<Record<string, unknown>> = {},
  secret = SECRET,
  alg = 'HS256',
): string {
  const [id, ...rest] = user.split('-');
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: 'auth', iat: now, exp: now + 3600, sub: id, username: rest.join('-'), ...more };
  const signed = `${text({ alg, typ: 'JWT' })}.${text(claims)}`;
  const hash = alg === 'HS512' ? 'sha512' : 'sha256';
  const signature = alg === 'none' ? '' : createHmac(hash, secret).update(signed).digest('base64url');
  return `${signed}.${signature}`;
}
