/** `axle backup` and `axle restore`: one site's state and files in one file, taken while it runs. */
import type { Command } from 'commander';
import { loadConfig } from '../../common/runtime/config.js';
import { makeBackup } from '../backup/backup.js';
import { restoreBackup } from '../backup/restore.js';
import { count } from '../paint.js';

const ABOUT_BACKUP = `
Holds the state of one moment with the text of every live file, the config, tokens (their hashes), known_hosts, and what else
lies in userdata; checksums of all of it. Readable for its owner alone. Not in it: changes that were made while it was taken,
and what other sites hold.

Exit codes: 0 done, 1 something broke, 2 it cannot be made so

Examples:
  axle backup /var/backups/roflfaucet.tar.gz --config /etc/axle/spoke.yaml
  axle backup /srv/backup/hub-with-keys.tar.gz --with-keys --config /etc/axle/hub.yaml`;

const ABOUT_RESTORE = `
The daemon must be stopped. The backup is checked first; what is there is put aside, not removed. The site then finds by itself
that it is an older copy, and gets what came after from its peers: credits since the backup are not lost, and not counted
twice. What no peer had yet is only in what was put aside, so it is refused as long as there is any (--force gives it up).

Exit codes: 0 done, 1 something broke, 2 refused, nothing was changed

Examples:
  systemctl stop sync-to-hub
  axle restore /var/backups/roflfaucet.tar.gz --config /etc/axle/spoke.yaml
  systemctl start sync-to-hub`;

export function addBackup(program: Command): void {
  program
    .command('backup')
    .description("one site's state and files in one file, taken while it runs")
    .argument('<file>', 'to be made: .tar, .tar.gz or .tar.zst')
    .requiredOption('-c, --config <file>', "the config of this site's daemon")
    .option('--with-keys', 'also the private ssh key: keep the file as safe as that', false)
    .addHelpText('after', ABOUT_BACKUP)
    .action(async (to: string, { config: file, withKeys }: { config: string; withKeys: boolean }) => {
      const { manifest, bytes, skipped } = await makeBackup({ file, config: loadConfig(file), to, withKeys });
      const { site, replica, documents, at } = manifest;
      say(`${to}: ${site} (${replica}) as of ${new Date(at).toISOString()}`);
      say(`${count(documents)} documents, ${count(bytes)} bytes, ${withKeys ? 'with' : 'without'} the private key`);
      if (skipped > 0) say(`${skipped} symlinks and the like in userdata are not in it`);
    });
  program
    .command('restore')
    .description('puts a backup back, of a site whose daemon is stopped')
    .argument('<file>', 'made by axle backup')
    .requiredOption('-c, --config <file>', "the config of this site's daemon; made from the backup where there is none")
    .option('--force', 'give up changes that no other site has', false)
    .addHelpText('after', ABOUT_RESTORE)
    .action(async (from: string, { config: file, force }: { config: string; force: boolean }) => {
      const { manifest, files, aside } = await restoreBackup({ from, file, force });
      const { site, role, at } = manifest;
      say(`${site} is back as of ${new Date(at).toISOString()}: ${count(files)} live files`);
      for (const folder of aside) say(`what was there is in ${folder}`);
      const unit = role === 'hub' ? 'hub-distribute' : 'sync-to-hub';
      say(`next: systemctl start ${unit}; axle status --config ${file}; axle verify --config ${file}`);
    });
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
