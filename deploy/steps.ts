/** What each change does on a host: fixed scripts, run as root, each of which may be run again at any time. */
import { sharedAcl } from '../common/runtime/units.js';
import type { Facts } from './facts.js';
import { factsScript, parseFacts } from './facts.js';
import type { SiteEntry } from './inventory.js';
import { APPLIED, MINER, MINER_LOOKED, placesOf, RELEASES } from './places.js';
import type { Change } from './plan.js';
import type { Manifest } from './release/tree.js';
import type { Remote } from './remote.js';

/** A release as a file of this machine. */
export type Packed = { readonly file: string; readonly sha256: string };

const UPLOAD_MS_MAX = 30 * 60_000;

export async function factsOf(remote: Remote, entry: SiteEntry): Promise<Facts> {
  const { script, args } = factsScript(placesOf(entry));
  return parseFacts(await remote.must('looking at the host', script, args));
}

// Unpacked beside its place and then renamed: a release that is there is whole. Its parts must run on this system.
const UPLOAD = `
set -eu
version=$1 sum=$2
mkdir -p ${RELEASES}
find ${RELEASES} -maxdepth 1 -name '.new-*' -mmin +60 -exec rm -rf {} +
cd ${RELEASES}
rm -rf ".new-$version"
mkdir ".new-$version"
trap 'rm -rf ".new-$version" ".new-$version.tar.gz"' EXIT
cat > ".new-$version.tar.gz"
if ! echo "$sum  .new-$version.tar.gz" | sha256sum --check --quiet --status; then
  echo "the release arrived damaged" >&2
  exit 1
fi
tar -C ".new-$version" --no-same-owner -xzf ".new-$version.tar.gz"
chown -R root:root ".new-$version"
chmod 755 ".new-$version"
cd ".new-$version"
node/bin/node -e 'new (require("better-sqlite3"))(":memory:").close(); require("@parcel/watcher")'
bin/axle --version >/dev/null
cd ..
rm -rf "$version"
mv -T ".new-$version" "$version"
# The version in use and the one before stay. What dpkg brought is dpkg's.
for old in *; do
  case "releases/$old" in "releases/$version" | "$(readlink ../current)" | "$(readlink ../previous)") continue ;; esac
  dpkg-query -S "${RELEASES}/$old" >/dev/null 2>&1 || rm -rf "$old"
done
`;

const ACCOUNT = `
set -eu
install -D -m 644 "${RELEASES}/$1/systemd/axle.sysusers.conf" /etc/sysusers.d/axle.conf
install -D -m 644 "${RELEASES}/$1/systemd/axle.tmpfiles.conf" /etc/tmpfiles.d/axle.conf
systemd-sysusers /etc/sysusers.d/axle.conf
# sshd without PAM takes a locked account ("!") for closed; no password is "*".
case "$(getent shadow axle | cut -d: -f2)" in '!'*) usermod -p '*' axle ;; esac
systemd-tmpfiles --create /etc/tmpfiles.d/axle.conf
`;

// Some lie where the site's PHP may write: a link that it has put there leads nobody's rights elsewhere.
const FOLDERS = `
set -eu
umask 022
owner=$1 mode=$2
shift 2
for folder in "$@"; do
  mkdir -p "$(dirname "$folder")"
  if [ -L "$folder" ]; then echo "$folder is a symbolic link, and must be the folder itself" >&2; exit 1; fi
  if [ -d "$folder" ]; then chmod "$mode" "$folder"; else
    mkdir -m "$mode" "$folder"
    # A unit that runs has not opened it.
    case "$folder" in */fleet) rm -f /opt/axle/applied-miner ;; esac
  fi
  chown -h "$owner" "$folder"
done
`;

// Never as root: a link that the site's PHP has put there leads to nothing but what is its own.
const SHARE = `
set -eu
user=$1 entries=$2
shift 2
for account in "$user" axle; do
  runuser -u "$account" -- setfacl -R -P -m "$entries" "$1" 2>/dev/null || true
done
# These stay the daemon's alone.
runuser -u axle -- chmod 700 "$1/.axle/tmp" "$1/.axle/replaced" "$1/.axle/conflicts" 2>/dev/null || true
for folder in "$@"; do
  if getfacl -cpE "$folder" | grep -qx "default:user:axle:rwx"; then continue; fi
  runuser -u "$user" -- setfacl -m "$entries" "$folder" || {
    echo "$folder must belong to $user, on a file system with ACLs; or set keep_owner: true" >&2
    exit 1
  }
done
`;

// Made there, by the account itself: a private key never travels. A daemon that runs had none, and has given up on its peers.
const KEY = `
set -eu
rm -f /opt/axle/applied
[ -f "$1" ] || runuser -u axle -- ssh-keygen -q -t ed25519 -N '' -C "axle-$2" -f "$1"
[ -f "$1.pub" ] || runuser -u axle -- sh -c 'ssh-keygen -y -f "$1" > "$1.pub"' sh "$1"
`;

// What is in force is unknown from here on until the daemon has been started again.
const FILE = `
set -eu
umask 077
mkdir -p "$(dirname "$1")"
case "$1" in /etc/systemd/system/*.d/*) chmod 755 "$(dirname "$1")" ;; esac
cat > "$1.axle-new"
chown "$2" "$1.axle-new"
chmod "$3" "$1.axle-new"
if [ "$4" = config ] && ! "${RELEASES}/$5/bin/axle" check-config "$1.axle-new" >/dev/null; then
  rm -f "$1.axle-new"
  exit 1
fi
case "$1" in */authorized_keys) ;; *) rm -f "$6" ;; esac
mv -fT "$1.axle-new" "$1"
case "$1" in /etc/systemd/*) systemctl daemon-reload ;; esac
`;

// Made there, as the account itself, and never shown. One that is known and whose secret is lost gets another secret: what
// was not answered is kept by its name.
const TOKEN = `
set -eu
config=$1 file=$2 name=$3
exec runuser -u axle -- sh -c '
set -eu
umask 077
axle=$1 config=$2 file=$3 name=$4
rm -f "$file.new"
if "$axle" token list --config "$config" | grep -q "^$name "; then
  "$axle" token revoke "$name" --config "$config" 2>/dev/null || true
  "$axle" token rotate "$name" --config "$config" > "$file.new" 2>/dev/null
  mv -fT "$file.new" "$file"
  "$axle" token revoke "$name" --config "$config"
else
  "$axle" token add "$name" --scope miner-credits --config "$config" > "$file.new"
  mv -fT "$file.new" "$file"
fi
' sh "${RELEASES}/$4/bin/axle" "$config" "$file" "$name" 2>&1
`;

const REMOVE_MINER = `
set -eu
systemctl disable --now "$1" 2>/dev/null || true
rm -rf "/etc/systemd/system/$1" "/etc/systemd/system/$1.d"
systemctl daemon-reload
systemctl reset-failed "$1" 2>/dev/null || true
"${RELEASES}/$5/bin/axle" token remove "$4" --config "$3" 2>/dev/null || true
rm -f "$2" "$6" /opt/axle/applied-miner
`;

export const CURRENT = `
set -eu
rm -f /opt/axle/applied /opt/axle/applied-miner
before=$(readlink /opt/axle/current || true)
if [ -n "$before" ] && [ "$before" != "releases/$1" ]; then
  ln -sfnT "$before" /opt/axle/.previous && mv -fT /opt/axle/.previous /opt/axle/previous
fi
ln -sfnT "releases/$1" /opt/axle/.current && mv -fT /opt/axle/.current /opt/axle/current
mkdir -p /usr/local/bin
ln -sfnT /opt/axle/current/bin/axle /usr/local/bin/axle
`;

/** Does one change, but for `start`, which waits and tells how it goes. `packed`: makes the release when it is wanted. */
export async function carryOut(
  remote: Remote,
  change: Change,
  { version }: Manifest,
  packed: () => Promise<Packed>,
): Promise<void> {
  const { site } = remote.entry;
  const { key, config } = placesOf(remote.entry);
  switch (change.do) {
    case 'release': {
      const { file, sha256 } = await packed();
      await remote.must('bringing the release', UPLOAD, [version, sha256], { file, timeout_ms: UPLOAD_MS_MAX });
      return;
    }
    case 'account':
      await remote.must('making the account', ACCOUNT, [version]);
      return;
    case 'folders':
      await remote.must('making folders', FOLDERS, [change.owner, change.mode, ...change.paths]);
      return;
    case 'share': {
      const { user } = remote.entry.owner;
      await remote.must("letting both accounts write each other's files", SHARE, [
        user,
        sharedAcl(user),
        ...change.paths,
      ]);
      return;
    }
    case 'key':
      await remote.must('making its key', KEY, [key, site]);
      return;
    case 'file': {
      if (change.content === undefined) throw new Error(`${site}: nothing to write to ${change.path}`);
      const applied = MINER_LOOKED.includes(change.path) ? APPLIED.miner : APPLIED.site;
      const args = [change.path, change.owner, change.mode, change.check ?? 'none', version, applied];
      await remote.must(`writing ${change.path}`, FILE, args, { stdin: change.content });
      return;
    }
    case 'current':
      await remote.must('switching the version', CURRENT, [version]);
      return;
    case 'token':
      await remote.must('making the token of the miner agent', TOKEN, [config, MINER.token, MINER.tokenName, version]);
      return;
    case 'remove-miner': {
      const args = [MINER.unit, MINER.config, config, MINER.tokenName, version, MINER.token];
      await remote.must('taking the miner agent away', REMOVE_MINER, args);
      return;
    }
    case 'start':
      throw new Error('start is for whoever waits');
  }
}
