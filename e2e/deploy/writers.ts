/** Cooperating writers on servers that were deployed to, with the Node that came with the release. */
import { readFileSync } from 'node:fs';
import type { Host } from '../lab/host.js';
import { REPO_ROOT } from '../lab/repo.js';

const LOAD = '/opt/load';
const CREDIT = 'e2e/sites/programs/credit.mjs';
const CREDIT_MS_MAX = 240_000;
const PART = 20;

/** A copy of what was deployed: what writers run with must not change under them. */
export async function makeWriters(host: Host): Promise<void> {
  await host.sh(`[ -e ${LOAD} ] || cp -rT "$(readlink -f /opt/axle/current)" ${LOAD}`);
  host.write(`${LOAD}/${CREDIT}`, readFileSync(`${REPO_ROOT}/${CREDIT}`, 'utf8'));
}

/** Credits 1 to a document `count` times under the lock; resolves when all is credited. */
export async function credit(host: Host, document: string, count: number, pauseMs: number): Promise<void> {
  const argv = [`/var/${host.name}-data/userdata`, document, String(count), '1', String(pauseMs)];
  await host.must(['runuser', '-u', 'www-data', '--', `${LOAD}/node/bin/node`, `${LOAD}/${CREDIT}`, ...argv], {
    timeoutMs: CREDIT_MS_MAX,
  });
}

/** Writers that go on until `stop`; `credited` is how much each document has got by then. */
export function load(writers: readonly (readonly [Host, string])[]) {
  const credited = new Map<string, number>();
  let isOver = false;
  const all = writers.map(async ([host, document]) => {
    while (!isOver) {
      await credit(host, document, PART, 20);
      credited.set(document, (credited.get(document) ?? 0) + PART);
    }
  });
  const running = Promise.all(all);
  running.catch(() => undefined);
  const stop = async (): Promise<void> => {
    isOver = true;
    await running;
  };
  return { stop, credited };
}

/** Somebody earns 1 a second on a site by its own PHP; resolves `stop()` to how much that was. */
export async function earning(host: Host, document: string): Promise<{ stop: () => Promise<number> }> {
  const [script, count] = ['/opt/earn/earn.sh', `/opt/earn/${document.replace('/', '-')}`];
  await host.must(['install', '-d', '-o', 'www-data', '/opt/earn']);
  await host.must(['rm', '-f', count, `${count}.stop`]);
  host.write(script, readFileSync(`${REPO_ROOT}/e2e/deploy/before/earn.sh`, 'utf8'));
  const file = `/var/${host.name}-data/userdata/${document}.txt`;
  const running = host.must(['runuser', '-u', 'www-data', '--', 'sh', script, file, count], {
    timeoutMs: CREDIT_MS_MAX * 2,
  });
  running.catch(() => undefined);
  return {
    stop: async () => {
      host.write(`${count}.stop`, '');
      await running;
      return Number(host.read(count));
    },
  };
}
