/** `axle init`: a config for this machine, and what is to be done next. */
import fs from 'node:fs';
import path from 'node:path';
import { Argument, type Command, InvalidArgumentError } from 'commander';
import { authorizedKeysLine } from '../../common/link/rsyncd-config.js';
import { loadConfig, parseHubConfig, parseSpokeConfig, type Role } from '../../common/runtime/config.js';
import { sharedAcl, siteDropInPath } from '../../common/runtime/units.js';
import { UsageError } from '../exit.js';
import { configText, type PeerPlan, type Plan } from '../init/config-text.js';
import { account, makeKey, phpAccount, sitesHere } from '../init/machine.js';

type Options = {
  readonly site?: string;
  readonly userdata?: string;
  readonly state?: string;
  readonly hub?: PeerPlan;
  readonly spoke?: readonly PeerPlan[];
  readonly pull?: true;
  readonly key?: true;
  readonly keepOwner: boolean;
  readonly out?: string;
  readonly force?: true;
};

const EXAMPLES = `
Asks nothing, and starts nothing. A peer is name=host, name=host:port, name=/its/state/folder on this machine, or
name=pull for a spoke that nobody can reach. Without --site, the only /var/<site>-data/userdata of this machine is taken.

Exit codes: 0 written, 2 something is missing or there already, nothing was written

Examples:
  axle init hub --spoke roflfaucet=roflfaucet.com --spoke clickforcharity=clickforcharity.net --key
  axle init spoke --site roflfaucet --hub directsponsor=auth.directsponsor.org --key
  axle init spoke --hub directsponsor=auth.directsponsor.org --pull --out -     shows it only
  axle init spoke --hub directsponsor=auth.directsponsor.org --no-keep-owner`;

export function addInit(program: Command): void {
  program
    .command('init')
    .description('writes a config with good defaults for this machine, and says what to do next')
    .addArgument(new Argument('<role>', 'what this site is').choices(['hub', 'spoke']))
    .option('--site <name>', 'name of this site')
    .option('--userdata <folder>', 'default /var/<site>-data/userdata')
    .option('--state <folder>', 'default /var/lib/axle/<site>')
    .option('--hub <name=host>', 'of a spoke: its hub', parsePeer)
    .option('--spoke <name=host>', 'of a hub: each of its spokes', parsePeers)
    .option('--pull', 'of a spoke that the hub cannot reach: it fetches')
    .option('--no-keep-owner', 'the daemon gets no capability: an ACL lets it and PHP write (systemd/README.md)')
    .option('--key', "also makes this site's ssh key, unless it is there")
    .option('--out <file>', 'default /etc/axle/<role>.yaml; - shows it only')
    .option('--force', 'also over a file that is there')
    .addHelpText('after', EXAMPLES)
    .action(init);
}

async function init(role: Role, options: Options): Promise<void> {
  const plan = await planOf(role, options);
  const out = options.out ?? `/etc/axle/${role}.yaml`;
  const text = configText(plan);
  // All mistakes at once, before anything is written.
  if (role === 'hub') parseHubConfig(text, out);
  else parseSpokeConfig(text, out);
  if (out === '-') process.stdout.write(text);
  else await write(out, text, options.force === true);
  const key = path.join(plan.state, 'ssh', 'id_ed25519');
  if (options.key) await keyFor(plan, key);
  // Beside the config, where that is what was asked for.
  const say = out === '-' ? process.stderr : process.stdout;
  say.write(nextSteps(plan, out, key));
}

async function planOf(role: Role, options: Options): Promise<Plan> {
  const site = options.site ?? onlySite();
  const userdata = path.resolve(options.userdata ?? `/var/${site}-data/userdata`);
  if (!fs.existsSync(userdata))
    throw new UsageError(`${userdata} is missing: make it (mkdir -p), or name another one with --userdata`);
  const peers = role === 'hub' ? (options.spoke ?? []) : options.hub ? [options.hub] : [];
  if (peers.length === 0)
    throw new UsageError(role === 'hub' ? 'name the spokes: --spoke name=host' : 'name the hub: --hub name=host');
  if (role === 'spoke' && (options.spoke || options.hub?.kind === 'pull'))
    throw new UsageError('a spoke has one hub, by host or folder; --pull says that the hub cannot reach this machine');
  const logs = path.join(path.dirname(userdata), 'logs');
  const php = await phpAccount(userdata);
  if (!options.keepOwner && php === undefined)
    throw new UsageError(`who the site's PHP is, is not known: give it ${userdata} first (chown -R)`);
  return {
    role,
    site,
    userdata: fs.realpathSync(userdata),
    state: path.resolve(options.state ?? `/var/lib/axle/${site}`),
    peers,
    pull: options.pull === true,
    logFile: fs.existsSync(logs) ? path.join(logs, 'sync-daemon.log') : undefined,
    owner: php?.name,
    group: php?.group,
    keepsOwner: options.keepOwner,
  };
}

function onlySite(): string {
  const sites = sitesHere();
  const [site] = sites;
  if (site !== undefined && sites.length === 1) return site;
  throw new UsageError(
    sites.length === 0
      ? 'name the site: --site roflfaucet'
      : `several sites are here (${sites.join(', ')}): name one with --site`,
  );
}

async function write(file: string, text: string, force: boolean): Promise<void> {
  fs.mkdirSync(path.dirname(path.resolve(file)), { recursive: true });
  if (!force && fs.existsSync(file))
    throw new UsageError(`${file} is there already: --out another file, --out - to see, or --force to write over it`);
  const made = `${file}.new`;
  fs.writeFileSync(made, text, { mode: 0o640 });
  fs.chmodSync(made, 0o640);
  const daemon = process.getuid?.() === 0 ? await account('axle') : undefined;
  if (daemon !== undefined) fs.chownSync(made, 0, daemon.gid);
  fs.renameSync(made, file);
  loadConfig(file);
  process.stdout.write(`written: ${file}\n`);
}

async function keyFor({ site, state }: Plan, key: string): Promise<void> {
  if (!(await makeKey(key, `axle-${site}`))) return;
  const daemon = process.getuid?.() === 0 ? await account('axle') : undefined;
  if (daemon === undefined) return;
  for (const file of [state, path.dirname(key), key, `${key}.pub`]) fs.chownSync(file, daemon.uid, daemon.gid);
}

function nextSteps(plan: Plan, out: string, key: string): string {
  const { role, site, peers, userdata, owner } = plan;
  const config = out === '-' ? `/etc/axle/${role}.yaml` : out;
  const unit = role === 'hub' ? 'hub-distribute' : 'sync-to-hub';
  const remote = peers.filter(({ kind }) => kind !== 'folder');
  const steps: string[][] = [];
  if (remote.length > 0 && !fs.existsSync(`${key}.pub`))
    steps.push([
      "make this site's key, as root, and run this again to see the lines for the other sites:",
      `axle init … --key`,
    ]);
  if (fs.existsSync(`${key}.pub`))
    for (const peer of remote)
      steps.push([
        `on the machine of ${peer.site}, add this line to /var/lib/axle/.ssh/authorized_keys (it allows deliveries, and nothing else):`,
        authorizedKeysLine(
          fs.readFileSync(`${key}.pub`, 'utf8'),
          `/var/lib/axle/${peer.site}/rsyncd/${site}.conf`,
          site,
        ),
      ]);
  for (const peer of peers)
    if (peer.kind === 'ssh')
      steps.push([
        `pin the host key of ${peer.site}, compared with what its own console shows (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub):`,
        `ssh-keyscan -t ed25519 -p ${peer.port} ${peer.host} >> ${path.join(path.dirname(key), 'known_hosts')}`,
      ]);
  if (!plan.keepsOwner && owner !== undefined)
    steps.push([
      `let PHP and the daemon write each other's files (setfacl: apt-get install acl):`,
      `runuser -u ${owner} -- setfacl -R -P -m ${sharedAcl(owner)} ${userdata}`,
    ]);
  steps.push(
    [
      'open the site’s folders to the unit, and nothing else; again when they move:',
      `mkdir -p ${path.dirname(siteDropInPath(role))}`,
      `axle check-config --drop-in ${config} > ${siteDropInPath(role)}`,
      'systemctl daemon-reload',
    ],
    ['check it, and start:', `axle check-config ${config}`, `systemctl enable --now ${unit}`],
    ['see that all is well:', `axle doctor --round-trip --config ${config}`, `axle status --config ${config}`],
  );
  const lines = steps.flatMap(([what = '', ...commands], i) => [
    `${i + 1}. ${what}`,
    ...commands.map((c) => `     ${c}`),
  ]);
  return `\nNext:\n${lines.join('\n')}\n`;
}

function parsePeer(text: string): PeerPlan {
  const cut = text.indexOf('=');
  const [site, where] = [text.slice(0, cut), text.slice(cut + 1)];
  if (cut <= 0 || where === '')
    throw new InvalidArgumentError('must be name=host, name=host:port, name=/folder or name=pull.');
  if (where === 'pull') return { site, kind: 'pull' };
  if (where.startsWith('/')) return { site, kind: 'folder', state: where };
  const [, host = where, port = '22'] = /^([^:]+):(\d{1,5})$/.exec(where) ?? [];
  return { site, kind: 'ssh', host, port: Number(port) };
}

function parsePeers(text: string, before: readonly PeerPlan[] = []): PeerPlan[] {
  return [...before, parsePeer(text)];
}
