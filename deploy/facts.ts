/** What a host is like now: asked with one script, read as a value. Nothing here changes anything. */

import { MINER, MINER_LOOKED, type Places } from './places.js';
import type { Manifest } from './release/tree.js';

/** A file as it is: `user:group:mode` and content. */
export type FileFact = { readonly attributes: string; readonly content: string };

export type Facts = {
  /** `debian 12` */
  readonly os: string;
  readonly isRoot: boolean;
  /** As `uname -m` says it. */
  readonly machine: string;
  /** Its version; 0 where it does not run the host. */
  readonly systemd: number;
  /** Programs that are missing. */
  readonly missing: readonly string[];
  /** `3.2.7`; undefined where there is none. */
  readonly rsync?: string;
  readonly freeKiB: number;
  /** Releases that lie there, whole ones only. */
  readonly releases: readonly Manifest[];
  /** Version that `current`, `previous` point to. */
  readonly current?: string;
  readonly previous?: string;
  readonly hasCommand: boolean;
  readonly account: 'missing' | 'locked' | 'good';
  readonly owner: { readonly user: boolean; readonly group: boolean };
  /** setfacl and getfacl are there. */
  readonly hasAcl: boolean;
  /** Folders with the ACL of `sharedAcl`. */
  readonly shared: ReadonlySet<string>;
  /** Path → `user:group:mode`, of those that are there. */
  readonly folders: ReadonlyMap<string, string>;
  readonly files: ReadonlyMap<string, FileFact>;
  /** The site's public key. */
  readonly publicKey?: string;
  /** `ssh-ed25519 AAAA…`, of the host's sshd. */
  readonly hostKeys: readonly string[];
  readonly unit: UnitFacts;
  readonly miner: MinerFacts;
  /** What was in force when the daemon was started last by a deploy. */
  readonly applied?: string;
  /** Schema of the site's database; undefined where there is none. */
  readonly schema?: number;
};

export type MinerFacts = {
  readonly unit: UnitFacts;
  readonly applied?: string;
  /** Its token is there, and one of those that the sidecar knows. */
  readonly tokenIsKnown: boolean;
};

export type UnitFacts = {
  readonly active: string;
  readonly sub: string;
  readonly enabled: string;
  readonly status: string;
  readonly restarts: number;
};

const BEGIN = 'axle-facts';

/** Fixed text; everything that varies comes as an argument. Values with odd bytes travel as base64. */
const SCRIPT = `
set -u
unit=$1 database=$2 key=$3 user=$4 group=$5 miner=$6 token=$7 tokens=$8
shift 8
export LC_ALL=C PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
echo ${BEGIN}
if [ -r /etc/os-release ]; then (. /etc/os-release; echo "os \${ID:-} \${VERSION_ID:-}"); fi
echo "uid $(id -u)"
echo "machine $(uname -m)"
[ -d /run/systemd/system ] && echo "systemd $(systemctl --version | sed -n '1s/^systemd \\([0-9]*\\).*/\\1/p')"
for program in systemctl systemd-sysusers rsync ssh ssh-keygen sshd runuser sha256sum tar gzip install; do
  command -v "$program" >/dev/null || echo "missing $program"
done
command -v rsync >/dev/null && echo "rsync $(rsync --version | sed -n '1s/^rsync *version v*\\([0-9][0-9.]*\\).*/\\1/p')"
echo "free $( (df -Pk /opt 2>/dev/null || df -Pk /) | awk 'NR == 2 { print $4 }')"
for manifest in /opt/axle/releases/*/release.json; do
  [ -f "$manifest" ] && echo "release $(base64 -w0 < "$manifest")"
done
for name in current previous; do
  [ -L "/opt/axle/$name" ] && echo "$name $(basename "$(readlink "/opt/axle/$name")")"
done
[ "$(readlink /usr/local/bin/axle)" = /opt/axle/current/bin/axle ] && echo "command yes"
if getent passwd axle >/dev/null; then
  case "$(getent shadow axle | cut -d: -f2)" in '!'*) echo "account locked" ;; *) echo "account good" ;; esac
fi
getent passwd "$user" >/dev/null && echo "user yes"
getent group "$group" >/dev/null && echo "group yes"
command -v setfacl >/dev/null && command -v getfacl >/dev/null && echo "acl yes"
for path in "$@"; do
  if [ -d "$path" ]; then
    echo "folder $(stat -c '%U:%G:%a' "$path") $path"
    acl=$(getfacl -cpE "$path" 2>/dev/null)
    is_shared=yes
    for entry in "user:axle:rwx" "default:user:axle:rwx" "default:user:$user:rwx"; do
      printf '%s\\n' "$acl" | grep -qx "$entry" || is_shared=
    done
    [ -n "$is_shared" ] && echo "shared $path"
  elif [ -f "$path" ]; then echo "file $(stat -c '%U:%G:%a' "$path") $(base64 -w0 < "$path") $path"; fi
done
# A backup that was restored may have brought the public half alone: that is no key.
[ -f "$key" ] && [ -f "$key.pub" ] && echo "public $(base64 -w0 < "$key.pub")"
keys=$(sshd -T 2>/dev/null | sed -n 's/^hostkey //p')
for file in \${keys:-/etc/ssh/ssh_host_ed25519_key /etc/ssh/ssh_host_ecdsa_key /etc/ssh/ssh_host_rsa_key}; do
  [ -f "$file.pub" ] && echo "hostkey $(base64 -w0 < "$file.pub")"
done
systemctl show -p ActiveState -p SubState -p UnitFileState -p StatusText -p NRestarts "$unit" | sed 's/^/unit /'
[ -f /opt/axle/applied ] && echo "applied $(cat /opt/axle/applied)"
systemctl show -p ActiveState -p SubState -p UnitFileState -p StatusText -p NRestarts "$miner" | sed 's/^/minerunit /'
[ -f /opt/axle/applied-miner ] && echo "minerapplied $(cat /opt/axle/applied-miner)"
if [ -f "$token" ] && [ ! -L "$token" ] && [ "$(stat -c %U:%a "$token")" = axle:600 ]; then
  sum=$(tr -d '\\n' < "$token" | sha256sum | cut -d' ' -f1)
  grep -qF "$sum" "$tokens" 2>/dev/null && echo "token known"
fi
if [ -f "$database" ] && [ -x /opt/axle/current/node/bin/node ]; then
  cd /opt/axle/current && echo "schema $(runuser -u axle -- node/bin/node -e '
    const db = new (require("better-sqlite3"))(process.argv[1], { readonly: true });
    console.log(db.pragma("user_version", { simple: true }))' "$database" 2>/dev/null)"
fi
exit 0
`;

/** Script and arguments that `parseFacts` understands the answer of. */
export function factsScript(places: Places): { readonly script: string; readonly args: readonly string[] } {
  const { unit, database, key, owner, looked, tokens } = places;
  const { user, group } = owner;
  const args = [unit, database, key, user, group, MINER.unit, MINER.token, tokens, ...looked, ...MINER_LOOKED];
  return { script: SCRIPT, args };
}

export function parseFacts(text: string): Facts {
  const all = text.split('\n');
  // A login shell may have had something to say first.
  const lines = all.slice(all.indexOf(BEGIN) + 1);
  const values = (key: string): string[] =>
    lines.filter((line) => line.startsWith(`${key} `)).map((line) => line.slice(key.length + 1));
  const value = (key: string): string | undefined => values(key)[0];
  const minerApplied = value('minerapplied');
  const publicKey = value('public');
  const schema = value('schema');
  const optional = {
    rsync: value('rsync'),
    current: value('current'),
    previous: value('previous'),
    applied: value('applied'),
  };
  return {
    os: value('os') ?? 'unknown',
    isRoot: value('uid') === '0',
    machine: value('machine') ?? 'unknown',
    systemd: Number(value('systemd') ?? 0),
    missing: values('missing'),
    freeKiB: Number(value('free') ?? 0),
    releases: values('release').flatMap(parseManifest),
    hasCommand: value('command') === 'yes',
    account: accountOf(value('account')),
    owner: { user: value('user') === 'yes', group: value('group') === 'yes' },
    hasAcl: value('acl') === 'yes',
    shared: new Set(values('shared')),
    folders: new Map(
      values('folder')
        .map((line) => splitAt(line, 1))
        .map(([attributes = '', path = '']) => [path, attributes]),
    ),
    files: new Map(
      values('file')
        .map((line) => splitAt(line, 2))
        .map(([attributes = '', content = '', path = '']) => [path, { attributes, content: decode(content) }]),
    ),
    hostKeys: values('hostkey').map((key) => decode(key).trim().split(/\s+/).slice(0, 2).join(' ')),
    unit: unitOf(values('unit')),
    miner: {
      unit: unitOf(values('minerunit')),
      tokenIsKnown: value('token') === 'known',
      ...(minerApplied !== undefined && { applied: minerApplied }),
    },
    ...(publicKey !== undefined && { publicKey: decode(publicKey).trim() }),
    ...(schema !== undefined && /^\d+$/.test(schema) && { schema: Number(schema) }),
    ...Object.fromEntries(Object.entries(optional).filter(([, word]) => word !== undefined && word !== '')),
  };
}

/** From `Key=value` lines. */
function unitOf(lines: readonly string[]): UnitFacts {
  const unit = new Map(
    lines.map((line): [string, string] => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  return {
    active: unit.get('ActiveState') ?? 'unknown',
    sub: unit.get('SubState') ?? 'unknown',
    enabled: unit.get('UnitFileState') ?? '',
    status: unit.get('StatusText') ?? '',
    restarts: Number(unit.get('NRestarts') ?? 0),
  };
}

function accountOf(word: string | undefined): Facts['account'] {
  return word === 'good' || word === 'locked' ? word : 'missing';
}

function parseManifest(encoded: string): Manifest[] {
  try {
    return [JSON.parse(decode(encoded)) as Manifest];
  } catch {
    return []; // half written by a copy that was interrupted: as if it were not there
  }
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}

/** The first `count` words, and the rest as one. */
function splitAt(line: string, count: number): string[] {
  const words = line.split(' ');
  return [...words.slice(0, count), words.slice(count).join(' ')];
}
