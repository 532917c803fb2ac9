/** What an inventory may hold. One schema gives the check, the defaults and the types. */
import { type Static, type TSchema, Type } from '@sinclair/typebox';

function text(pattern: string, must: string, more: object = {}) {
  return Type.String({ pattern, must, ...more });
}

function strict<T extends Record<string, TSchema>>(properties: T, more: object = {}) {
  return Type.Object(properties, { additionalProperties: false, ...more });
}

const NAME = '[A-Za-z_][A-Za-z0-9_.-]{0,31}';

const Site = text('^[a-z0-9][a-z0-9-]{0,62}$', 'must be a site name: a-z, 0-9 and -, at most 63 characters');
const Host = text('^[A-Za-z0-9][A-Za-z0-9.:_-]{0,252}$', 'must be a host name or address');
const Port = Type.Integer({ minimum: 1, maximum: 65535 });
const Account = text(`^${NAME}$`, 'must be the name of an account');
/** Stands in units, rsync's and ssh's files, each with a syntax of its own. */
const Folder = text(
  '^(?:/[A-Za-z0-9][A-Za-z0-9._-]*)+$',
  'must be an absolute path of letters, digits, ".", "_" and "-"',
);
/** On the machine that deploys. */
const LocalFile = text('^(?:/|~/)[^\\u0000-\\u001f]+$', 'must be an absolute path, or one that begins with ~/');

/** Keys of a site's config that come from elsewhere in the inventory. */
export const RESERVED = ['site', 'userdata', 'state', 'log_file', 'spokes', 'hub', 'sidecar'] as const;

/** Keys of the miner agent's config that come from elsewhere. */
export const MINER_RESERVED = ['state'] as const;

const Overrides = Type.Record(Type.String(), Type.Unknown(), { default: {} });

const site = {
  site: Site,
  /** Where ssh connects to, and where the other sites do. */
  host: Host,
  port: Type.Integer({ minimum: 1, maximum: 65535, default: 22 }),
  user: { ...Account, default: 'root' },
  /** How `user` becomes root; by default sudo, unless it is root. */
  become: Type.Optional(Type.Unsafe<'sudo' | 'none'>({ type: 'string', enum: ['sudo', 'none'] })),
  /** Private key; without it, those of the ssh agent, or ~/.ssh/id_ed25519 and the like. */
  key: Type.Optional(LocalFile),
  /** Where other sites reach this one, if not at host and port. */
  link_host: Type.Optional(Host),
  link_port: Type.Optional(Port),
  /** Default /var/<site>-data/userdata. */
  userdata: Type.Optional(Folder),
  /** user:group of the site's PHP, to whom its files belong. */
  owner: text(`^${NAME}:${NAME}$`, 'must be user:group, such as www-data:www-data', { default: 'www-data:www-data' }),
  /** false: the daemon has no capability, files that it writes are its own, and an ACL lets both write. */
  keep_owner: Type.Boolean({ default: true }),
  /** true, or what sidecar: says in the site's config. */
  sidecar: Type.Unsafe<boolean | Record<string, unknown>>({
    type: ['boolean', 'object'],
    must: 'must be true, false or a group of keys',
    default: false,
  }),
  /** Other keys of the site's config. */
  config: Overrides,
};

const Hub = strict(site);
const Spoke = strict({
  ...site,
  /** push: the hub connects to it. pull: nobody can, and it fetches. */
  link: Type.Unsafe<'push' | 'pull'>({ type: 'string', enum: ['push', 'pull'], default: 'push' }),
  /** The miner agent runs there, too: true, or what miner.yaml says. */
  miner: Type.Unsafe<boolean | Record<string, unknown>>({
    type: ['boolean', 'object'],
    must: 'must be true, false or a group of keys',
    default: false,
  }),
});

export const InventorySchema = strict({
  /** Host keys that are trusted for deploying; default ~/.ssh/known_hosts. */
  known_hosts: { ...LocalFile, default: '~/.ssh/known_hosts' },
  /** Keys of every site's config; a site's own come before them. */
  config: Overrides,
  hub: Hub,
  spokes: Type.Array(Spoke, { minItems: 1, must: 'must name at least one spoke' }),
});

export type HubEntry = Static<typeof Hub>;
export type SpokeEntry = Static<typeof Spoke>;
export type InventoryFile = Static<typeof InventorySchema>;
