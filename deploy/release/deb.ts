/** A release as a Debian package. It lies beside releases that `axle deploy` brought, in the same layout. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { UNITS } from '../../common/runtime/units.js';
import { inFolder, layOut, runWell } from './pack.js';
import type { Tree } from './tree.js';

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', arm: 'armhf' };
const UNIT_NAMES = Object.values(UNITS).join(' ');

/** Makes `<out>/axle_<version>_<architecture>.deb` with dpkg-deb, and resolves to its path. */
export function makeDeb(tree: Tree, out: string): Promise<string> {
  const { version, arch } = tree.manifest;
  const architecture = ARCHITECTURES[arch];
  if (architecture === undefined) throw new Error(`there is no Debian architecture for ${arch}`);
  return inFolder(async (folder) => {
    const root = join(folder, 'root');
    const release = `/opt/axle/releases/${version}`;
    await layOut(tree, join(root, release));
    await placeSystemdFiles(join(root, release, 'systemd'), root);
    await writeControl(join(root, 'DEBIAN'), version, architecture, release);
    mkdirSync(out, { recursive: true });
    const file = join(out, `axle_${version}_${architecture}.deb`);
    await runWell('chmod', ['-R', 'u=rwX,go=rX', root]);
    await runWell('dpkg-deb', ['--root-owner-group', '-Zgzip', '-z6', '--build', root, file]);
    return file;
  });
}

async function placeSystemdFiles(from: string, root: string): Promise<void> {
  const places: readonly [RegExp, string][] = [
    [/\.service$/, 'usr/lib/systemd/system'],
    [/\.sysusers\.conf$/, 'usr/lib/sysusers.d'],
    [/\.tmpfiles\.conf$/, 'usr/lib/tmpfiles.d'],
  ];
  for (const name of readdirSync(from)) {
    const place = places.find(([pattern]) => pattern.test(name));
    if (place === undefined) continue;
    await mkdir(join(root, place[1]), { recursive: true });
    await copyFile(join(from, name), join(root, place[1], name.replace(/\.(?:sysusers|tmpfiles)\.conf$/, '.conf')));
  }
}

async function writeControl(folder: string, version: string, architecture: string, release: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const write = (name: string, text: string, mode: number) => writeFileSync(join(folder, name), text, { mode });
  write('control', control(version, architecture), 0o644);
  write('postinst', postinst(release), 0o755);
  write('prerm', prerm(release), 0o755);
  write('postrm', POSTRM, 0o755);
}

function control(version: string, architecture: string): string {
  return `Package: axle
Version: ${version}
Architecture: ${architecture}
Section: net
Priority: optional
Maintainer: The Axle project <axle@localhost.invalid>
Depends: libc6, libstdc++6, rsync (>= 3.2.4), openssh-client, systemd (>= 247), passwd
Recommends: openssh-server
Suggests: acl
Description: keeps per-user balances, profiles and tokens in step across websites
 Sites read and write plain files; Axle merges what changed on each of them without
 losing a credit, and writes the result back as plain files on every site.
 .
 This package carries the Node.js that it runs with.
`;
}

function postinst(release: string): string {
  return `#!/bin/sh
set -e
[ "$1" = configure ] || exit 0
systemd-sysusers axle.conf
# sshd without PAM takes a locked account ("!") for closed.
case "$(getent shadow axle | cut -d: -f2)" in '!'*) usermod -p '*' axle ;; esac
install -d -o axle -g axle -m 0755 /var/lib/axle
install -d -o axle -g axle -m 0700 /var/lib/axle/.ssh
install -d -o root -g axle -m 0750 /etc/axle
if [ -f /usr/lib/tmpfiles.d/axle.conf ]; then systemd-tmpfiles --create axle.conf || true; fi
before=$(readlink /opt/axle/current || true)
if [ -n "$before" ] && [ "$before" != '${release.slice('/opt/axle/'.length)}' ]; then ln -sfnT "$before" /opt/axle/previous; fi
ln -sfnT '${release.slice('/opt/axle/'.length)}' /opt/axle/current
mkdir -p /usr/local/bin
ln -sfnT /opt/axle/current/bin/axle /usr/local/bin/axle
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  # Those that were running go on with the new version; a first installation starts nothing: there is no config yet.
  for unit in ${UNIT_NAMES}; do systemctl try-restart --no-block "$unit" || true; done
fi
`;
}

function prerm(release: string): string {
  return `#!/bin/sh
set -e
if [ "$1" = remove ]; then
  if [ -d /run/systemd/system ]; then
    for unit in ${UNIT_NAMES}; do systemctl disable --now "$unit" 2>/dev/null || true; done
  fi
  if [ "$(readlink /opt/axle/current)" = '${release.slice('/opt/axle/'.length)}' ]; then
    rm -f /opt/axle/current /usr/local/bin/axle
  fi
fi
`;
}

// Sites' data is theirs: /var/<site>-data is never touched.
const POSTRM = `#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then systemctl daemon-reload || true; fi
if [ "$1" = purge ]; then
  # With the marker beside the files, a hub without state would wait for its spokes to give it back.
  sed -n 's/^userdata: *\\([^ #]*\\).*/\\1/p' /etc/axle/*.yaml 2>/dev/null | while read -r folder; do
    if [ ! -L "$folder/.axle" ]; then rm -f "$folder/.axle/replica"; fi
  done
  rm -rf /var/lib/axle /etc/axle
  rm -f /opt/axle/previous
  rmdir /opt/axle/releases /opt/axle 2>/dev/null || true
fi
`;
