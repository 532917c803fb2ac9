/**
 * All set-up for `npm start`, `npm test` and `npm run bench`: system packages, npm packages, build. Plain Node without
 * dependencies, because it runs before there are any. Does only what is missing; when nothing is, it takes milliseconds.
 * Everything that it says goes to stderr: stdout belongs to the command that follows.
 *
 *   node setup.mjs start|test|bench|chaos|deploy|package
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE_MIN = [20, 19];

/** Debian package → the programs that prove it is there → what it is for. */
const RSYNC = { name: 'rsync', proof: ['rsync'], why: 'carries changes between machines' };
const SSH = { name: 'openssh-client', proof: ['ssh', 'ssh-keygen'], why: 'the connection that rsync goes through' };
const SSHD = { name: 'openssh-server', proof: ['sshd'], why: 'the other end, for tests over real ssh' };
const NSPAWN = { name: 'systemd-container', proof: ['systemd-nspawn'], why: 'three real hosts on one machine' };
const IPROUTE = { name: 'iproute2', proof: ['ip'], why: 'the network between those hosts' };
const ACL = {
  name: 'acl',
  proof: ['setfacl', 'getfacl'],
  why: "sites whose daemon may write PHP's files by an ACL alone",
};
const DBUS = { name: 'dbus', proof: ['dbus-daemon'], why: "systemd's own bus inside those hosts" };
const PHP = { name: 'php-cli', proof: ['php'], why: "the sites' own language, for tests beside PHP writers" };
const PHP_CURL = { name: 'php-curl', proof: [], phpModule: 'curl', why: 'how php-bridge speaks to the sidecar' };
const PHPUNIT = { name: 'phpunit', proof: ['phpunit'], why: 'the tests of php-bridge' };
const CHROMIUM = { name: 'chromium', proof: ['chromium'], why: "the sites' pages in a real browser, for tests" };
/** Unpacked and not installed: the package would start a server. */
const PROMTOOL = {
  name: 'prometheus',
  proof: [],
  unpack: 'usr/bin/promtool',
  why: 'promtool, which tests the alert rules',
};
const DEBOOTSTRAP = {
  name: 'debootstrap',
  proof: ['debootstrap'],
  why: 'a bare Debian root for hosts to be deployed to',
};
const LSYNCD = { name: 'lsyncd', proof: ['lsyncd'], why: 'measured beside Axle' };
const FAKETIME = { name: 'faketime', proof: ['faketime'], why: 'clocks that jump under one daemon' };
const SYNCTHING = { name: 'syncthing', proof: ['syncthing'], why: 'measured beside Axle' };

const GROUPS = {
  start: [RSYNC, SSH],
  test: [RSYNC, SSH, SSHD, NSPAWN, IPROUTE, DBUS, ACL, PHP, PHP_CURL, PHPUNIT, CHROMIUM, PROMTOOL],
  chaos: [RSYNC, SSH, SSHD, NSPAWN, IPROUTE, DBUS, FAKETIME],
  deploy: [RSYNC, SSH, SSHD, NSPAWN, IPROUTE, DBUS, ACL, DEBOOTSTRAP],
  package: [],
  bench: [RSYNC, SSH, SSHD, NSPAWN, IPROUTE, DBUS, PHP, CHROMIUM, LSYNCD, SYNCTHING],
};

/** Wanted only where a npm package has no ready-made binary for this machine. */
const COMPILER = [
  { name: 'python3', proof: ['python3'], why: 'node-gyp, which builds better-sqlite3' },
  { name: 'make', proof: ['make'], why: 'builds better-sqlite3' },
  { name: 'g++', proof: ['g++'], why: 'builds better-sqlite3' },
];

/** Whose changes ask for a new build. */
const SOURCES = [
  'common',
  'hub',
  'spoke',
  'sidecar',
  'client',
  'miner',
  'cli',
  'deploy',
  'bench',
  'e2e',
  'tsconfig.json',
  'tsconfig.build.json',
];

/** Made by the build, and in the repository. */
const MADE = 'client/unified-balance.js';

const ROOT = dirname(fileURLToPath(import.meta.url));
const MODULES = join(ROOT, 'node_modules');
const STAMP = join(MODULES, '.axle-setup');
const CACHE = join(ROOT, '.cache');
const LOCK = join(CACHE, 'setup.lock');
const LOCK_MS_MAX = 15 * 60_000;

const say = (text) => process.stderr.write(`setup: ${text}\n`);

/** A reason to stop that needs no stack. */
class SetupError extends Error {}

function main(groupName) {
  const group = GROUPS[groupName];
  if (group === undefined) throw new SetupError(`usage: node setup.mjs ${Object.keys(GROUPS).join('|')}`);
  checkNode();
  if (isDone(group)) return;
  withLock(() => {
    installPackages(group);
    if (readStamp().modules !== modulesKey()) installModules();
    if (readStamp().build !== buildKey()) build();
  });
}

function isDone(group) {
  const stamp = readStamp();
  return missing(group).length === 0 && stamp.modules === modulesKey() && stamp.build === buildKey();
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1])) return;
  throw new SetupError(
    `Axle needs Node ${NODE_MIN.join('.')} or newer, and this is ${process.versions.node}. See https://nodejs.org/en/download`,
  );
}

// ---- System packages

function missing(packages) {
  return packages.filter(
    ({ proof, phpModule, unpack }) => !proof.every(findProgram) || !hasPhpModule(phpModule) || !isUnpacked(unpack),
  );
}

function isUnpacked(file) {
  return file === undefined || findProgram(basename(file)) || existsSync(join(CACHE, basename(file)));
}

/** Debian's PHP names its modules in /etc/php/<version>/cli/conf.d; a PHP from elsewhere has them built in. */
function hasPhpModule(name) {
  if (name === undefined || !existsSync('/etc/php')) return name === undefined || findProgram('php');
  return readdirSync('/etc/php').some((version) => {
    const folder = join('/etc/php', version, 'cli/conf.d');
    return existsSync(folder) && readdirSync(folder).some((file) => file.endsWith(`-${name}.ini`));
  });
}

function findProgram(name) {
  // Not everybody has the system folders on the PATH, and sshd and ip live there.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Returns whether all are there now. What cannot be installed is named, and the rest goes on without. */
function installPackages(packages) {
  const wanted = missing(packages);
  if (wanted.length === 0) return true;
  const names = wanted.map(({ name }) => name);
  const reasons = wanted.map(({ name, why }) => `\n  ${name.padEnd(18)} ${why}`).join('');
  const prefix = process.platform === 'linux' && findProgram('apt-get') ? asRoot() : undefined;
  if (prefix === undefined) {
    say(`these programs are missing, and what needs them will not work:${reasons}`);
    say(howToGet(names));
    return false;
  }
  say(`installing system packages:${reasons}`);
  const apt = (...args) => run([...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', ...args]);
  // The lists of a fresh machine are empty, those of an old one out of date.
  const update = apt('update');
  const installed = wanted.filter(({ unpack }) => unpack === undefined).map(({ name }) => name);
  const install = installed.length === 0 || apt('install', '-y', '--no-install-recommends', ...installed);
  for (const one of wanted.filter(({ unpack }) => unpack !== undefined)) unpackProgram(one);
  if (install) return true;
  say(`apt-get could not install ${names.join(' ')}${update ? '' : ' (nor update its lists)'}; going on without`);
  return false;
}

/** One program of a package into .cache; without it, what needs it is skipped and says so. */
function unpackProgram({ name, unpack }) {
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, 'unpack-'));
  try {
    if (!run(['apt-get', '-q', 'download', name], folder)) return;
    const [archive] = readdirSync(folder);
    if (archive === undefined || !run(['dpkg-deb', '--extract', archive, 'files'], folder)) return;
    renameSync(join(folder, 'files', unpack), join(CACHE, basename(unpack)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** How a command is run as root; undefined where it cannot be. */
function asRoot() {
  if (process.getuid() === 0) return [];
  if (!findProgram('sudo')) return undefined;
  if (process.stdin.isTTY) return ['sudo'];
  // Nobody is there to type a password: only where none is asked for.
  return spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0 ? ['sudo', '-n'] : undefined;
}

function howToGet(names) {
  if (process.platform === 'linux' && findProgram('apt-get')) return `as root: apt-get install ${names.join(' ')}`;
  if (process.platform === 'darwin') return 'with Homebrew: brew install rsync (the tests on real hosts need Linux)';
  if (process.platform === 'linux') return `with your package manager; Debian calls them: ${names.join(' ')}`;
  return 'use Debian or Ubuntu, for example in WSL or a virtual machine';
}

// ---- npm packages

/** Changes with the lock file, and with a Node for which native modules must be built anew. */
function modulesKey() {
  const hash = createHash('sha256');
  for (const file of ['package.json', 'package-lock.json']) hash.update(dependenciesIn(file));
  return `${hash.digest('hex')} node ${process.versions.modules} ${process.platform}-${process.arch}`;
}

// A changed script in package.json is no reason to install everything again.
function dependenciesIn(file) {
  const text = readFileSync(join(ROOT, file), 'utf8');
  if (file !== 'package.json') return text;
  const { dependencies, devDependencies, allowScripts } = JSON.parse(text);
  return JSON.stringify({ dependencies, devDependencies, allowScripts });
}

function installModules() {
  say('installing npm packages (where better-sqlite3 must be built from source, this takes two minutes)');
  if (!npmInstall() && !(missing(COMPILER).length > 0 && installPackages(COMPILER) && npmInstall())) {
    throw new SetupError('npm could not install the packages: its own words are above');
  }
  writeStamp({ modules: modulesKey() });
}

function npmInstall() {
  const options = ['--no-audit', '--no-fund', '--loglevel=error'];
  const { isDone, words } = npm(['ci', ...options]);
  if (isDone) return loadsNative();
  if (!words.includes('EUSAGE')) {
    process.stderr.write(words);
    return false;
  }
  // `npm ci` calls a good lock file out of date where the registry that it was made with lacked a package for some other
  // platform. `npm install` takes the same versions from it, and --no-save leaves it as it is.
  say('npm ci refuses the lock file; trying npm install, with its versions');
  const install = npm(['install', '--no-save', ...options]);
  process.stderr.write(install.words);
  return install.isDone && loadsNative();
}

/** npm may end well without having run a package's install script. */
function loadsNative() {
  const script = "new (require('better-sqlite3'))(':memory:').close(); require('@parcel/watcher')";
  if (run([process.execPath, '-e', script])) return true;
  say('a native module does not load');
  return false;
}

function npm(args) {
  // The npm that runs us, if one does: there may be several.
  const script = process.env.npm_execpath;
  const [program, ...first] = script?.endsWith('.js') ? [process.execPath, script] : ['npm'];
  const { status, error, stderr } = spawnSync(program, [...first, ...args], {
    cwd: ROOT,
    stdio: ['inherit', 2, 'pipe'],
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return { isDone: status === 0, words: error === undefined ? stderr : `${error.message}\n` };
}

// ---- Build

/** Names, sizes and times of all sources: a few milliseconds, where reading them would be a hundred. */
function buildKey() {
  const hash = createHash('sha256');
  const visit = (path) => {
    const stat = statSync(join(ROOT, path), { throwIfNoEntry: false });
    if (stat === undefined) return;
    if (stat.isDirectory()) {
      for (const name of readdirSync(join(ROOT, path)).sort()) visit(`${path}/${name}`);
    } else if (!path.endsWith('.test.ts') && path !== MADE) hash.update(`${path} ${stat.size} ${stat.mtimeMs}\n`);
  };
  for (const source of SOURCES) visit(source);
  return existsSync(join(ROOT, 'dist/cli/main.js')) ? hash.digest('hex') : 'none';
}

function build() {
  say('building');
  const began = buildKey();
  if (!run([process.execPath, join(MODULES, 'typescript/bin/tsc'), '-p', 'tsconfig.build.json'])) {
    throw new SetupError('the build failed: see above');
  }
  if (!run([process.execPath, 'client/build.mjs'])) throw new SetupError('the build of the client failed: see above');
  for (const page of ['common/page/build.mjs', 'miner/board/build.mjs'])
    if (!run([process.execPath, page])) throw new SetupError('the build of the pages failed: see above');
  // What changed while it was being built is built next time.
  writeStamp({ ...readStamp(), build: began === 'none' ? buildKey() : began });
}

// ---- Bits

function readStamp() {
  try {
    return JSON.parse(readFileSync(STAMP, 'utf8'));
  } catch {
    return {};
  }
}

function writeStamp(stamp) {
  writeFileSync(STAMP, `${JSON.stringify(stamp)}\n`);
}

/** Runs a program without a shell; its output goes to stderr. Returns whether it ended well. */
function run([program, ...args], cwd = ROOT) {
  return spawnSync(program, args, { cwd, stdio: ['inherit', 2, 2] }).status === 0;
}

/** One set-up at a time in this folder; a second one waits, and then finds everything done. */
function withLock(work) {
  try {
    mkdirSync(dirname(LOCK), { recursive: true });
  } catch {
    throw new SetupError(`${ROOT} belongs to somebody else: set-up cannot write there`);
  }
  const began = Date.now();
  let told = false;
  while (!takeLock()) {
    if (!told) say('another set-up is running in this folder: waiting for it');
    told = true;
    if (Date.now() - began > LOCK_MS_MAX) throw new SetupError(`waited too long: remove ${LOCK} if nothing is running`);
    sleep(200);
  }
  try {
    work();
  } finally {
    rmSync(LOCK, { force: true });
  }
}

function takeLock() {
  try {
    writeFileSync(LOCK, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EACCES') throw new SetupError(`${ROOT} belongs to somebody else: set-up cannot write there`);
    if (error.code !== 'EEXIST') throw error;
  }
  if (isHeld()) return false;
  // Whoever had it was killed.
  rmSync(LOCK, { force: true });
  return takeLock();
}

function isHeld() {
  try {
    const pid = Number(readFileSync(LOCK, 'utf8'));
    // Empty for the instant between its making and its writing.
    if (!pid) return Date.now() - statSync(LOCK).mtimeMs < 2000;
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function sleep(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

try {
  main(process.argv[2]);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(error.message);
  process.exitCode = 1;
}
