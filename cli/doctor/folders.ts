/** Folders and who may write them, by really writing as the site's PHP and as the daemon. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { DEFAULT_POLICIES } from '../../common/core/policy.js';
import { sharedAcl } from '../../common/runtime/units.js';
import { type Check, type Finding, fail, firstLine, ok, type Subject, unitOf, warn } from './finding.js';

/** A kind without which the sites do not work. */
const NEEDED = 'balances';

export const checkFolders: Check = ({ config: { config } }) => {
  const named = new Set([NEEDED, ...Object.keys(config.kinds)]);
  return [...named].map((kind) => {
    const folder = path.join(config.userdata, kind);
    const stat = fs.lstatSync(folder, { throwIfNoEntry: false });
    if (stat?.isDirectory()) return ok('AXL-NO-FOLDER', `${folder} is there`);
    const what = stat === undefined ? `${folder} is missing` : `${folder} is no real folder`;
    const owner = ownerOf(config.userdata);
    return (kind === NEEDED ? fail : warn)(
      'AXL-NO-FOLDER',
      `${what}: nothing of this kind is kept in step`,
      `${stat ? `move it away; ` : ''}install -d -m 2775 -o ${owner.uid} -g ${owner.gid} ${folder}`,
    );
  });
};

type Account = { readonly uid: number; readonly gid: number; readonly name: string };

/** The site's PHP makes and changes documents, and takes locks. */
export const checkPhp: Check = async (subject) => {
  const { config, phpUser, run } = subject;
  const { userdata } = config.config;
  const php = await phpAccount(subject);
  if (php === undefined)
    return [fail('AXL-PHP-WRITE', `there is no account ${phpUser}`, 'name the account of the web server: --php-user')];
  if (php.uid === 0)
    return [
      warn(
        'AXL-PHP-WRITE',
        `${userdata} belongs to root, so it is not known under which account PHP runs`,
        'chown it to that account, or name it: --php-user www-data',
      ),
    ];
  const folders = [...kindFolders(subject), path.join(userdata, '.axle', 'locks')].filter((one) => fs.existsSync(one));
  return writes(subject, folders, php, 'AXL-PHP-WRITE', "the site's PHP", run);
};

/** The account of the state folder: the daemon's. */
export const checkDaemonAccount: Check = async (subject) => {
  const { config, run } = subject;
  const { userdata, state } = config.config;
  if (!fs.existsSync(state)) return [];
  const { uid, gid } = ownerOf(state);
  const account = (await accountOf(subject, String(uid))) ?? { uid, gid, name: String(uid) };
  const folders = [state, ...kindFolders(subject), path.join(userdata, '.axle')].filter((one) => fs.existsSync(one));
  return writes(subject, folders, account, 'AXL-DAEMON-WRITE', 'the daemon', run, await capabilities(subject));
};

function aclRemedy(userdata: string, php: string, daemon: string): string {
  return `as each of both accounts (runuser -u ${php} --, runuser -u ${daemon} --): setfacl -R -P -m ${sharedAcl(php, daemon)} ${userdata}`;
}

/** Where neither keeps the owner of the other's files (files.keep_owner: false): one that is closed to either is found here. */
export const checkShared: Check = async (subject) => {
  const { config, run } = subject;
  const { userdata, state, files } = config.config;
  if (files?.keep_owner !== false || !fs.existsSync(state)) return [];
  const { uid, gid } = ownerOf(state);
  const daemon = (await accountOf(subject, String(uid))) ?? { uid, gid, name: String(uid) };
  const php = await phpAccount(subject);
  const me = process.getuid?.();
  if (me !== 0 || php === undefined) return [];
  const remedy = `${aclRemedy(userdata, php.name, daemon.name)}; where PHP goes on making such files: files.keep_owner: true`;
  const findings: Finding[] = [];
  for (const [account, code, who, verb, test] of [
    [daemon, 'AXL-DAEMON-WRITE', 'the daemon', 'read', '-readable'],
    [php, 'AXL-PHP-WRITE', "the site's PHP", 'write', '-writable'],
  ] as const) {
    const find = [
      'find',
      ...kindFolders(subject),
      '-maxdepth',
      '1',
      '-type',
      'f',
      '-name',
      '*.txt',
      '!',
      test,
      '-print',
    ];
    const [program = '', ...args] = [...becoming(account, me, []), ...find, '-quit'];
    const { stdout } = await run(program, args);
    const file = stdout.trim();
    if (file !== '') findings.push(fail(code, `${who} (${account.name}) cannot ${verb} ${file}`, remedy));
  }
  return findings;
};

/** What the unit gives the daemon beyond its account: `dac_override` and others. */
async function capabilities({ systemd, config, run }: Subject): Promise<string[]> {
  if (!fs.existsSync(systemd)) return [];
  const { stdout } = await run('systemctl', ['show', '--property=AmbientCapabilities', '--value', unitOf(config)]);
  return stdout.split(/\s+/).flatMap((word) => /^cap_([a-z_]+)$/.exec(word)?.[1] ?? []);
}

async function writes(
  { config }: Subject,
  folders: readonly string[],
  account: Account,
  code: 'AXL-PHP-WRITE' | 'AXL-DAEMON-WRITE',
  who: string,
  run: Subject['run'],
  caps: readonly string[] = [],
): Promise<Finding[]> {
  const me = process.getuid?.();
  if (me !== 0 && me !== account.uid)
    return [warn(code, `not checked as ${account.name}, which takes root`, 'run axle doctor as root')];
  const findings: Finding[] = [];
  for (const folder of folders) {
    // Hidden, so that it is nobody's document.
    const file = path.join(folder, `.axle-doctor-${randomBytes(4).toString('hex')}`);
    const [program = '', ...args] = [...becoming(account, me, caps), 'touch', file];
    const touched = await run(program, args);
    fs.rmSync(file, { force: true });
    if (touched.code === 0) continue;
    const { userdata, state, files } = config.config;
    const daemon = (await accountOf({ run }, String(ownerOf(state).uid)))?.name ?? 'axle';
    const acl = files?.keep_owner === false ? aclRemedy(userdata, files.owner ?? account.name, daemon) : undefined;
    findings.push(
      fail(
        code,
        `${who} (${account.name}) cannot write in ${folder}: ${firstLine(touched)}`,
        folder.startsWith(userdata)
          ? (acl ??
              `compare: namei -l ${folder}; PHP must write there by itself, the daemon by its unit's drop-in (systemd/README.md) or by one group for both, mode 2775`)
          : `chown -R ${account.name} ${folder}`,
      ),
    );
  }
  return findings.length > 0
    ? findings
    : [ok(code, `${who} (${account.name}) can write in all ${folders.length} folders`)];
}

/** Runs what follows as another account, with its groups where it has a name. */
function becoming({ uid, gid, name }: Account, me: number | undefined, caps: readonly string[]): string[] {
  if (me === uid) return [];
  const groups = name === String(uid) ? '--clear-groups' : '--init-groups';
  const list = ['-all', ...caps.map((cap) => `+${cap}`)].join(',');
  const kept = caps.length > 0 ? [`--inh-caps=${list}`, `--ambient-caps=${list}`] : [];
  return ['setpriv', '--reuid', String(uid), '--regid', String(gid), groups, ...kept, '--'];
}

async function phpAccount(subject: Subject): Promise<Account | undefined> {
  const { phpUser, config } = subject;
  const name = phpUser ?? config.config.files?.owner;
  if (name !== undefined) return accountOf(subject, name);
  const { uid, gid } = ownerOf(config.config.userdata);
  return (await accountOf(subject, String(uid))) ?? { uid, gid, name: String(uid) };
}

async function accountOf({ run }: Pick<Subject, 'run'>, nameOrUid: string): Promise<Account | undefined> {
  const { code, stdout } = await run('getent', ['passwd', nameOrUid]);
  const [name = '', , uid, gid] = stdout.split(':');
  return code === 0 ? { name, uid: Number(uid), gid: Number(gid) } : undefined;
}

function kindFolders({ config: { config } }: Subject): string[] {
  const kinds = new Set([...Object.keys(DEFAULT_POLICIES), ...Object.keys(config.kinds)]);
  return [...kinds].map((kind) => path.join(config.userdata, kind)).filter((folder) => fs.existsSync(folder));
}

function ownerOf(folder: string): fs.Stats {
  return fs.statSync(folder);
}

/** State, keys and tokens are for the daemon alone. */
export const checkState: Check = ({ config: { config } }) => {
  const { state, sidecar } = config;
  const stat = fs.statSync(state, { throwIfNoEntry: false });
  if (stat === undefined)
    return [
      fail(
        'AXL-STATE-PERMISSION',
        `${state} is missing`,
        `install -d -m 0750 -o axle -g axle ${state}; then start the daemon`,
      ),
    ];
  const secrets = [
    { file: path.join(state, 'ssh', 'id_ed25519'), mode: 0o077, want: '0600' },
    { file: sidecar?.tokens ?? path.join(state, 'tokens.json'), mode: 0o027, want: '0640' },
    { file: path.join(state, 'state.db'), mode: 0o002, want: '0640' },
    { file: state, mode: 0o002, want: '0750' },
  ];
  const findings = secrets.flatMap(({ file, mode, want }): Finding[] => {
    const found = fs.statSync(file, { throwIfNoEntry: false });
    if (found === undefined) return [];
    const owner = found.uid === stat.uid ? [] : [`belongs to another account than ${state}`];
    const open = (found.mode & mode) === 0 ? [] : [`may be used by others (mode ${(found.mode & 0o777).toString(8)})`];
    const wrong = [...owner, ...open].join(', and ');
    const remedy = `chown --reference ${state} ${file} && chmod ${want} ${file}`;
    return wrong === '' ? [] : [fail('AXL-STATE-PERMISSION', `${file} ${wrong}`, remedy)];
  });
  return findings.length > 0
    ? findings
    : [ok('AXL-STATE-PERMISSION', 'state, key and tokens are for the daemon alone')];
};
