/** The text of a new site's config, with a word on each line that its operator may want to change. Pure. */
import type { Role } from '../../common/runtime/config.js';

/** How a peer is reached: a host, a folder on this machine, or not at all (it fetches). */
export type PeerPlan = { readonly site: string } & (
  | { readonly kind: 'ssh'; readonly host: string; readonly port: number }
  | { readonly kind: 'folder'; readonly state: string }
  | { readonly kind: 'pull' }
);

export type Plan = {
  readonly role: Role;
  readonly site: string;
  readonly userdata: string;
  readonly state: string;
  readonly peers: readonly PeerPlan[];
  /** Spoke: the hub cannot reach it, so it fetches. */
  readonly pull: boolean;
  /** Undefined where the site has no folder for logs. */
  readonly logFile: string | undefined;
  /** Account and group of the site's PHP; undefined where it is not known. */
  readonly owner: string | undefined;
  readonly group: string | undefined;
  /** False: the daemon gets no capability; an ACL lets PHP and it write each other's files. */
  readonly keepsOwner: boolean;
};

export function configText(plan: Plan): string {
  const { role, site, userdata, state, logFile, owner, group, keepsOwner } = plan;
  const lines = [
    `# ${role === 'hub' ? 'The hub' : 'A spoke'}: axle ${role} --config FILE. Written by axle init; every key is in fixtures/*.example.yaml.`,
    '# After a change: axle check-config FILE, then systemctl reload.',
    '',
    `site: ${word(site)}`,
    `userdata: ${word(userdata)}`,
    `state: ${word(state)}`,
    logFile === undefined
      ? '# log_file: /var/log/axle.log             # beside the journal'
      : `log_file: ${word(logFile)}   # beside the journal`,
    '',
    ...(role === 'hub' ? spokeLines(plan) : hubLines(plan)),
    '',
    '# A file that differs from the hub’s when this site joins: hold asks a person (axle held); genesis, hub, local, newest, max decide.',
    'join: hold',
    '',
    '# Of files that Axle creates: the site’s PHP must be able to write them.',
    owner === undefined
      ? '# files: { owner: www-data, group: www-data, mode: "0664" }'
      : `files: { owner: ${word(owner)}, group: ${word(group ?? owner)}, mode: "0664"${keepsOwner ? '' : ', keep_owner: false'} }`,
    '',
    '# HTTP for PHP, JavaScript and the miner agent on this machine: take the # away, then make a token: axle token add php',
    '# sidecar: {}',
  ];
  return `${lines.join('\n')}\n`;
}

function spokeLines(plan: Plan): string[] {
  return ['spokes:', ...plan.peers.flatMap((peer) => [`  - site: ${word(peer.site)}`, ...linkLines(plan, peer, 4)])];
}

function hubLines(plan: Plan): string[] {
  const [hub] = plan.peers;
  if (hub === undefined) return [];
  const pull = [
    '  # The hub cannot reach this machine: its config says link: { type: pull } for it.',
    '  pull: { interval_ms: 1000 }',
  ];
  return ['hub:', `  site: ${word(hub.site)}`, ...linkLines(plan, hub, 2), ...(plan.pull ? pull : [])];
}

function linkLines({ site, state }: Plan, peer: PeerPlan, indent: number): string[] {
  const lines =
    peer.kind === 'pull'
      ? ['link: { type: pull }   # nobody can reach it: it fetches']
      : peer.kind === 'folder'
        ? [`link: { type: folder, inbox: ${word(`${peer.state}/inbox/${site}`)} }   # on this machine`]
        : [
            'link:',
            '  type: ssh',
            `  host: ${word(peer.host)}`,
            `  port: ${peer.port}`,
            '  user: axle',
            `  key: ${word(`${state}/ssh/id_ed25519`)}`,
            `  known_hosts: ${word(`${state}/ssh/known_hosts`)}`,
          ];
  return lines.map((line) => ' '.repeat(indent) + line);
}

/** As YAML has it: in quotes unless it can be nothing but these words. */
function word(text: string): string {
  return /^[A-Za-z/][A-Za-z0-9_./-]*$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text)
    ? text
    : JSON.stringify(text);
}
