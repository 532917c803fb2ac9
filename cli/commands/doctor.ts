/** `axle doctor`: goes through everything that can be wrong with a site, and names the remedy. */
import type { Command } from 'commander';
import { examine } from '../doctor/doctor.js';
import type { Finding, Level } from '../doctor/finding.js';
import { type Paint, painter, printable, wantsColour } from '../paint.js';

type Options = {
  readonly config: string;
  readonly json?: true;
  readonly roundTrip?: boolean;
  readonly phpUser?: string;
};

const EXAMPLES = `
Run it as root on the site's own machine: it writes as the site's PHP user and as the daemon (a hidden file, removed at once).
Looks at: config, Node, rsync and ssh, inotify, disks, folders, permissions, the unit, the daemon and what it says of itself,
the watcher, ssh to each peer with host key, key and forced command, clocks, held changes, and whether what waits becomes less.

Exit codes: 0 all is well, 1 something to look at, 2 something is wrong

Examples:
  axle doctor --config /etc/axle/hub.yaml
  axle doctor --round-trip --config /etc/axle/spoke.yaml    times a message to the hub and back as well
  axle doctor --json --config /etc/axle/spoke.yaml | jq '.findings[] | select(.level != "ok")'`;

export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('everything that can be wrong with a site, each with its remedy')
    .requiredOption('-c, --config <file>', "the config of this site's daemon")
    .option('--json', 'all findings as one JSON object')
    .option('--round-trip', 'also time a message to each peer and its answer')
    .option('--php-user <name>', "account of the site's PHP; default files.owner, or the owner of userdata")
    .addHelpText('after', EXAMPLES)
    .action(doctor);
}

async function doctor({ config: file, json, roundTrip = false, phpUser }: Options): Promise<void> {
  const paint = painter(wantsColour(process.stdout));
  const findings: Finding[] = [];
  await examine({ file, roundTrip, phpUser }, (finding) => {
    findings.push(finding);
    if (!json) process.stdout.write(lineOf(finding, paint));
  });
  const worst = worstOf(findings);
  process.stdout.write(json ? `${JSON.stringify({ worst, findings })}\n` : `\n${SUMMARY[worst]}\n`);
  process.exitCode = EXIT[worst];
}

const EXIT: Readonly<Record<Level, number>> = { ok: 0, warn: 1, fail: 2 };
const SUMMARY: Readonly<Record<Level, string>> = {
  ok: 'All is well.',
  warn: 'Something is to be looked at.',
  fail: 'Something is wrong.',
};

export function worstOf(findings: readonly Finding[]): Level {
  const has = (level: Level): boolean => findings.some((finding) => finding.level === level);
  return has('fail') ? 'fail' : has('warn') ? 'warn' : 'ok';
}

function lineOf({ level, code, what, remedy }: Finding, paint: Paint): string {
  if (level === 'ok') return `${paint.good('ok  ')}  ${printable(what)}\n`;
  const colour = level === 'warn' ? paint.warn : paint.bad;
  return `${colour(level)}  ${code} ${printable(what)}\n      → ${printable(remedy ?? '')}\n`;
}
