/** What stories on bare servers have in common: the servers, and the files of their sites as PHP and people see them. */
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { Host } from '../lab/host.js';
import { waitFor } from '../lab/wait.js';
import { HUB, ThreeSites } from '../sites/sites.js';
import { Servers } from './servers.js';

/** Of the hub's web server, which is Apache under its own name; the others have Debian's www-data. */
const APACHE_ID = 248;

/** Boots them before a story and ends them behind it; a test that fails shows their journals. */
export function bareServers(names: readonly string[]): () => Servers {
  let servers: Servers | undefined;
  const up = (): Servers => {
    if (servers === undefined) throw new Error('the servers are not up');
    return servers;
  };
  beforeAll(async () => {
    servers = await Servers.up(names);
  });
  beforeEach(({ onTestFailed }) => {
    onTestFailed(async () => {
      for (const host of up().lab.hosts) console.error(await host.journal(undefined, 60));
    }, 30_000);
  });
  afterAll(async () => {
    await servers?.down();
  });
  return up;
}

export async function makeApache(host: Host): Promise<void> {
  await host.must(['groupadd', '--gid', String(APACHE_ID), 'apache']);
  await host.must(['useradd', '--system', '--uid', String(APACHE_ID), '--gid', 'apache', 'apache']);
}

/** The three sites, on servers on which nothing has been deployed yet. */
export async function threeSites({ lab }: Servers): Promise<ThreeSites> {
  const sites = new ThreeSites(lab, APACHE_ID);
  await makeApache(sites.hub.host);
  return sites;
}

export const userdata = (site: string): string => `/var/${site}-data/userdata`;

export const configOf = ({ name }: { readonly name: string }): string =>
  `/etc/axle/${name === HUB ? 'hub' : 'spoke'}.yaml`;

export function read(host: Host, document: string): string | undefined {
  const file = host.path(`${userdata(host.name)}/${document}.txt`);
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

/** Undefined while the file is missing or being written. */
export function balance(host: Host, document: string): number | undefined {
  try {
    return (JSON.parse(read(host, document) ?? '') as { balance: number }).balance;
  } catch {
    return undefined;
  }
}

export async function everywhere(
  hosts: readonly Host[],
  document: string,
  wanted: number,
  timeoutMs = 30_000,
): Promise<void> {
  await waitFor(`${document} to be ${wanted}`, { timeoutMs }, () =>
    hosts.every((host) => balance(host, document) === wanted),
  ).catch((cause) => {
    throw new Error(hosts.map((host) => `${host.name}: ${read(host, document)}`).join('\n'), { cause });
  });
}

/** Runs a script as the site's PHP, with the document's file as its first argument. */
export function asPhp(host: Host, script: string, document: string, php = 'www-data'): Promise<string> {
  return host.must(['runuser', '-u', php, '--', 'sh', '-c', script, 'sh', `${userdata(host.name)}/${document}.txt`]);
}

export type Finding = {
  readonly level: string;
  readonly code: string;
  readonly what: string;
  readonly remedy?: string;
};

/** What doctor finds at a site that is not well. */
export async function doctor(host: Host): Promise<Finding[]> {
  const { stdout, stderr } = await host.run(['axle', 'doctor', '--json', '--config', configOf(host)], {
    timeoutMs: 120_000,
  });
  if (stdout === '') throw new Error(stderr);
  return (JSON.parse(stdout) as { findings: Finding[] }).findings.filter(({ level }) => level !== 'ok');
}
