/**
 * What a config file may hold: one schema from which come the check, the defaults and the TypeScript types. Every field
 * of a parsed config is filled in, except those marked optional.
 *
 * A link is checked by its own schema (chosen by `type`), because Ajv fills no defaults inside a union.
 */
import { type Static, Type } from '@sinclair/typebox';
import { JOIN_RULES } from '../core/join.js';
import type { DeletePolicy, PathPolicy } from '../core/policy.js';
import { Host, LogLevel, oneOf, Path, strict, text } from './config-types.js';

const Site = text('^[a-z0-9][a-z0-9-]{0,62}$', 'must be a site name: a-z, 0-9 and -, at most 63 characters');
// Neither may begin with '-': they end up in the argument list of ssh and rsync.
const User = text('^[A-Za-z_][A-Za-z0-9_.-]*$', 'must be the name of an account');
const Module = text('^[A-Za-z0-9][A-Za-z0-9_-]*$', 'must be the name of an rsync module', { default: 'inbox' });

export const SshLink = strict({
  type: Type.Literal('ssh'),
  host: Host,
  port: Type.Integer({ minimum: 1, maximum: 65535, default: 22 }),
  user: { ...User, default: 'axle' },
  /** Private key; without it, what ssh itself would use. */
  key: Type.Optional(Path),
  known_hosts: Type.Optional(Path),
  /** rsync module on the other side that is this site's inbox there. */
  module: Module,
  /** No transfer lasts longer. */
  timeout_s: Type.Integer({ minimum: 1, maximum: 3600, default: 30 }),
});

export const FolderLink = strict({
  type: Type.Literal('folder'),
  /** Where the peer's daemon looks: `<peer's state>/inbox/<this site>`. */
  inbox: Path,
});

export const PullLink = strict({ type: Type.Literal('pull') });

export type SshLinkConfig = Static<typeof SshLink>;
export type FolderLinkConfig = Static<typeof FolderLink>;
export type PullLinkConfig = Static<typeof PullLink>;
/** How a peer is reached. `pull`: not at all, it fetches (a spoke behind NAT; hub only). */
export type LinkConfig = SshLinkConfig | FolderLinkConfig | PullLinkConfig;

export const LINKS = { ssh: SshLink, folder: FolderLink, pull: PullLink } as const;

/** Checked in a second step with LINKS[type]. */
function link<T extends LinkConfig['type']>(types: readonly T[]) {
  return Type.Unsafe<Extract<LinkConfig, { type: T }>>({
    type: 'object',
    properties: { type: { type: 'string', enum: [...types] } },
    required: ['type'],
  });
}

const PATH_POLICIES: readonly PathPolicy[] = ['counter', 'register', 'set', 'log', 'max'];
const DELETE_POLICIES: readonly DeletePolicy[] = ['restore', 'tombstone', 'wins'];

const Kind = strict({
  delete: Type.Optional(oneOf(DELETE_POLICIES)),
  format: Type.Optional(oneOf(['json', 'text'] as const)),
  paths: Type.Optional(Type.Record(Type.String(), oneOf(PATH_POLICIES))),
});

/** What a config says of one kind; `mergePolicies` of core joins it over the defaults. */
export type KindConfig = Static<typeof Kind>;

const Port = Type.Integer({ minimum: 0, maximum: 65535, default: 8787 });
const Money = Type.Number({ minimum: 0, maximum: 1e12 });
const Seconds = Type.Integer({ minimum: 1, maximum: 366 * 86_400 });

/** The HTTP door for PHP, JavaScript and the miner agent. Off unless the section is there. */
const Sidecar = strict({
  port: Port,
  /** This machine only, unless `allow_remote`. */
  host: { ...Host, default: '127.0.0.1' },
  allow_remote: Type.Boolean({ default: false }),
  /** Default /run/axle/<site>/sidecar.sock. */
  socket: Path,
  /** Default <state>/tokens.json; made by `axle token add`. */
  tokens: Path,
  /** The secret that the auth server signs users' tokens with; without it, there are no users. */
  jwt_secret: Type.Optional(Path),
  /** Only tokens of this issuer; any, where it is left out. */
  jwt_issuer: Type.Optional(Type.String({ minLength: 1 })),
  identity: oneOf(['required', 'off'] as const, { default: 'required' }),
  /** Pages that may call from a browser. */
  cors: Type.Array(text('^https?://[A-Za-z0-9.:-]+$', 'must be an origin, such as https://example.org'), {
    default: [],
  }),
  /** Behind a proxy that sets X-Forwarded-For. */
  trust_proxy: Type.Boolean({ default: false }),
  limits: strict(
    {
      body_bytes: Type.Integer({ minimum: 256, maximum: 1024 * 1024, default: 64 * 1024 }),
      request_timeout_s: Type.Integer({ minimum: 1, maximum: 300, default: 10 }),
      user_per_minute: Type.Integer({ minimum: 1, maximum: 1_000_000, default: 300 }),
      service_per_minute: Type.Integer({ minimum: 1, maximum: 100_000_000, default: 1_000_000 }),
      amount_max: { ...Money, default: 1_000_000_000 },
      event_streams: Type.Integer({ minimum: 1, maximum: 100_000, default: 1000 }),
    },
    { default: {} },
  ),
  /** What users may credit themselves: each source with the most at a time, and the most in a window. */
  sources: Type.Record(Type.String(), strict({ amount: Money, total: Money, window_s: { ...Seconds, default: 300 } }), {
    default: {},
  }),
  /** What a guest has earned before signing in: at most so much for each user. */
  guests: strict({ total: { ...Money, default: 500 }, window_s: { ...Seconds, default: 86_400 } }, { default: {} }),
  /** What users may write into their own profile. */
  profile_fields: Type.Array(Type.String({ minLength: 1 }), {
    default: ['display_name', 'avatar', 'bio', 'location', 'website', 'settings', 'public_profile'],
  }),
});

/** The operator's page with its figures. Off unless the section is there. */
const Page = strict({
  port: { ...Port, default: 8400 },
  /** This machine only, unless `allow_remote`, which needs a password. */
  host: { ...Host, default: '127.0.0.1' },
  allow_remote: Type.Boolean({ default: false }),
  /** A file with the password that it asks for (user `axle`). */
  password: Type.Optional(Path),
});

const shared = {
  site: Site,
  userdata: Path,
  /** Default /var/lib/axle/<site>. */
  state: Path,
  log_file: Type.Optional(Path),
  log_level: LogLevel,
  kinds: Type.Record(Type.String(), Kind, { default: {} }),
  /** What happens to a file that differs from the hub's when a site joins. */
  join: oneOf(JOIN_RULES, { default: 'hold' }),
  max_clock_skew_s: Type.Integer({ minimum: 1, maximum: 86400, default: 60 }),
  rights_idle_s: Type.Integer({ minimum: 1, maximum: 86400, default: 60 }),
  scan_interval_s: Type.Integer({ minimum: 1, maximum: 86400, default: 300 }),
  /** Changes that look like accidents are held until a person decides (axle held). */
  guards: strict(
    {
      /** Hold a balance that is written to zero without a transaction, and a document that becomes a stub. */
      zero: Type.Boolean({ default: true }),
      /** A burst: more documents of a kind than this … */
      burst_documents: Type.Integer({ minimum: 1, maximum: 1_000_000, default: 50 }),
      /** … and more than so many per cent of them (100: never) … */
      burst_percent: Type.Integer({ minimum: 1, maximum: 100, default: 10 }),
      /** … removed, or with amounts that fell, within this time. */
      window_s: Type.Integer({ minimum: 1, maximum: 86_400, default: 60 }),
    },
    { default: {} },
  ),
  /** Comparing with every peer what both hold, and going over the own rows. */
  verify_interval_s: Type.Integer({ minimum: 1, maximum: 86400, default: 600 }),
  /** For files that Axle creates; what is left out is as their folder has it. */
  files: Type.Optional(
    strict({
      owner: Type.Optional(User),
      group: Type.Optional(User),
      mode: Type.Optional(text('^0?[0-7]{3}$', 'must be a mode in quotes, such as "0664"')),
      /** false: the daemon's unit has no capability; files that it writes belong to axle, and an ACL lets `owner` write them. */
      keep_owner: Type.Boolean({ default: true }),
    }),
  ),
  limits: strict(
    {
      max_file_bytes: Type.Integer({ minimum: 1024, maximum: 64 * 1024 * 1024, default: 1024 * 1024 }),
      batch_documents: Type.Integer({ minimum: 1, maximum: 100_000, default: 2000 }),
      batch_bytes: Type.Integer({ minimum: 1024, maximum: 256 * 1024 * 1024, default: 4 * 1024 * 1024 }),
    },
    { default: {} },
  ),
  sidecar: Type.Optional(Sidecar),
  page: Type.Optional(Page),
};

export const HubSchema = strict({
  ...shared,
  spokes: Type.Array(strict({ site: Site, link: link(['ssh', 'folder', 'pull']) }), {
    minItems: 1,
    must: 'must name at least one spoke',
  }),
});

export const SpokeSchema = strict({
  ...shared,
  hub: strict({
    site: Site,
    link: link(['ssh', 'folder']),
    /** Fetch what the hub has for us, instead of being sent it. Needs an ssh link. */
    pull: Type.Optional(
      strict({
        interval_ms: Type.Integer({ minimum: 100, maximum: 3_600_000, default: 1000 }),
        module: { ...Module, default: 'outbox' },
      }),
    ),
  }),
});

export type HubConfig = Static<typeof HubSchema>;
export type SpokeConfig = Static<typeof SpokeSchema>;
export type PageConfig = Static<typeof Page>;
