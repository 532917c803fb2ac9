/** A real replica on a real disk (in memory where there is one) with one peer, for targets that must not change it. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { DEFAULT_POLICIES } from '../../core/policy.js';
import { Comparer } from '../../link/comparer.js';
import { Conversation } from '../../link/conversation.js';
import { PeerLink } from '../../link/peer-link.js';
import { DEFAULT_GUARDS } from '../../replica/guard.js';
import { LiveFiles } from '../../replica/live-files.js';
import { recover } from '../../replica/recover.js';
import { Replica } from '../../replica/replica.js';
import { noSteps } from '../../replica/steps.js';
import { Store } from '../../replica/store.js';
import { SILENT } from '../../runtime/log.js';

const MEMORY = '/dev/shm';
/** Files are written just now, and looked at as if a while later: they are no writes in progress. */
const LATER_MS = 10_000;

export type World = {
  readonly replica: Replica;
  readonly link: PeerLink;
  readonly peer: string;
  readonly inbox: string;
  /** Whether anything was committed since the last call. */
  readonly hasChanged: () => boolean;
  readonly close: () => void;
};

export function openWorld(role: 'hub' | 'spoke'): World {
  const [site, peer] = role === 'hub' ? ['directsponsor', 'roflfaucet'] : ['roflfaucet', 'directsponsor'];
  const root = fs.mkdtempSync(path.join(fs.existsSync(MEMORY) ? MEMORY : os.tmpdir(), 'axle-fuzz-'));
  const [userdata, inbox, outbox] = ['userdata', 'inbox', 'outbox'].map((name) => path.join(root, name)) as [
    string,
    string,
    string,
  ];
  for (const kind of Object.keys(DEFAULT_POLICIES)) fs.mkdirSync(path.join(userdata, kind), { recursive: true });
  for (const folder of [inbox, outbox]) fs.mkdirSync(folder);
  const files = new LiveFiles({ root: userdata, maxFileBytes: 1024 * 1024 });
  files.prepare();
  let words = 0;
  const replica = new Replica({
    site,
    store: Store.open(path.join(root, 'state.db')),
    files,
    policies: DEFAULT_POLICIES,
    joinRule: 'hold',
    now: () => Date.now() + LATER_MS,
    steady: () => performance.now() + LATER_MS,
    randomHex: (bytes) => (++words).toString(16).padStart(bytes * 2, '0'),
    log: SILENT,
    steps: noSteps,
    clockSkewMaxMs: 60_000,
    // What a guard holds is no invalid input: it has tests of its own.
    guards: { ...DEFAULT_GUARDS, zero: false },
    peers: [peer],
  });
  recover(replica);
  replica.setPhase('ready');
  const quiet = (): void => {};
  const events = { onVerified: quiet, onRefused: quiet, onNewSession: quiet };
  const conversation = new Conversation(replica, peer, 'abc123', events);
  const comparer = new Comparer({
    replica,
    peerSite: peer,
    isHub: role === 'hub',
    batchDocuments: 1_000,
    batchBytes: 1024 * 1024,
    random: () => 0.5,
    mayAnswer: () => true,
    events: { onWork: quiet, onRepaired: quiet, onTold: quiet },
  });
  const link = new PeerLink({
    replica,
    conversation,
    comparer,
    transport: { deliver: async () => ({ ok: true, ms: 0 }), close: async () => {} },
    outbox,
    inbox,
    isHub: role === 'hub',
    batchDocuments: 1_000,
    batchBytes: 1024 * 1024,
    random: () => 0.5,
    maySend: () => true,
    mayMerge: () => true,
    events: {
      onSent: quiet,
      onReceived: quiet,
      onRepaired: quiet,
      onHeard: quiet,
      onDown: quiet,
      onUp: quiet,
      onRefusal: quiet,
      onError: quiet,
      onWorking: quiet,
    },
  });
  const observer = new Database(path.join(root, 'state.db'), { readonly: true });
  let version = observer.pragma('data_version', { simple: true });
  return {
    replica,
    link,
    peer,
    inbox,
    hasChanged: () => {
      const before = version;
      version = observer.pragma('data_version', { simple: true });
      return version !== before;
    },
    close: () => {
      observer.close();
      replica.close();
      fs.rmSync(root, { recursive: true, force: true });
    },
  };
}
