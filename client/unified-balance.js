/*
 * Axle: unified-balance.js. Made from client/*.ts by client/build.mjs; change those, not this.
 * <script src="unified-balance.js" data-api="/api" data-sidecar="/axle"></script>; client/README.md says the rest.
 */
"use strict";
(() => {
  // amount.ts
  var PLACES = 8;
  var SCALE = 10n ** BigInt(PLACES);
  var NUMBER_MAX = 1e15;
  var DECIMAL = /^([+-]?)(\d{1,18})(?:\.(\d{1,40}))?$/;
  function unitsOf(value) {
    if (typeof value === "number") return Math.abs(value) <= NUMBER_MAX ? unitsOf(value.toFixed(PLACES)) : void 0;
    if (typeof value === "object" && value !== null && "coins" in value) return unitsOf(value.coins);
    if (typeof value !== "string") return void 0;
    const part = DECIMAL.exec(value.trim());
    if (part === null) return void 0;
    const [, sign = "", whole = "", fraction = ""] = part;
    const kept = BigInt(whole + fraction.padEnd(PLACES, "0").slice(0, PLACES));
    const units = (fraction[PLACES] ?? "0") >= "5" ? kept + 1n : kept;
    return sign === "-" ? -units : units;
  }
  function textOf(units) {
    const digits = (units < 0n ? -units : units).toString().padStart(PLACES + 1, "0");
    const fraction = digits.slice(-PLACES).replace(/0+$/, "");
    return `${units < 0n ? "-" : ""}${digits.slice(0, -PLACES)}${fraction === "" ? "" : `.${fraction}`}`;
  }
  function numberOf(units) {
    return Number(textOf(units));
  }
  function shownOf(units) {
    const whole = units / SCALE;
    return String(units < 0n && units % SCALE !== 0n ? whole - 1n : whole);
  }

  // backoff.ts
  var FIRST_MS = 500;
  var LIMIT_MS = 3e4;
  function backoff_ms(failures, random) {
    const full = Math.min(LIMIT_MS, FIRST_MS * 2 ** Math.min(failures - 1, 16));
    return Math.round(full * (0.5 + random / 2));
  }

  // balance-state.ts
  var BalanceState = class {
    /** What the server said last; undefined: nothing yet, which is not 0. */
    #confirmed;
    /** An event's balance that may hold what is still pending here. */
    #held;
    /** Counts what makes a read in flight out of date. */
    #epoch = 0;
    get confirmed() {
      return this.#confirmed;
    }
    /** Undefined while nothing is known. */
    shown(pending) {
      return this.#confirmed === void 0 ? void 0 : this.#confirmed + pending;
    }
    /** What this page remembers from an earlier one: better than nothing, worse than everything else. */
    remembered(balance) {
      this.#confirmed ??= balance;
    }
    /** To be given back with what the read comes to. */
    beginRead() {
      return this.#epoch;
    }
    /** False: something newer has been heard since the read began, and it counts for nothing. */
    read(balance, begun) {
      if (begun !== this.#epoch) return false;
      this.#confirmed = balance;
      this.#held = void 0;
      return true;
    }
    /**
     * A change was answered: its amount is in `balance`. Returns whether to read anew: an event came meanwhile, and nobody
     * knows whether before or after this.
     */
    answered(balance, isMorePending) {
      this.#epoch += 1;
      if (balance !== void 0) this.#confirmed = balance;
      if (isMorePending || this.#held === void 0) return false;
      const isSame = this.#held === this.#confirmed;
      this.#held = void 0;
      return !isSame;
    }
    /** Returns whether it counts at once. It waits while changes are being sent: they may be in it already. */
    event(balance, isSending) {
      if (isSending) {
        this.#held = balance;
        return false;
      }
      this.#epoch += 1;
      this.#confirmed = balance;
      this.#held = void 0;
      return true;
    }
    /** The waiting has been too long: what is held counts now. Returns whether there was anything. */
    release() {
      return this.#held !== void 0 && this.event(this.#held, false);
    }
  };

  // guest.ts
  var GUEST_KEY = "guest_transactions";
  var GuestTransactions = class {
    constructor(box, now, random) {
      this.box = box;
      this.now = now;
      this.random = random;
    }
    box;
    now;
    random;
    /** What this page has written: another tab that wrote at the same moment may not have seen it. */
    #mine = [];
    list() {
      return parseGuest(this.box.get(GUEST_KEY));
    }
    balance() {
      return this.list().reduce((sum, { type, amount }) => {
        const units = unitsOf(amount) ?? 0n;
        return type === "spend" ? sum - units : sum + units;
      }, 0n);
    }
    save(type, amount, source = "", description = "") {
      const now = this.now();
      const tail = Math.floor(this.random() * 1e9).toString(36);
      const made = { id: `${now}-${tail}`, type, amount, source, description, timestamp: new Date(now).toISOString() };
      this.#mine.push(made);
      this.#write([...this.list(), made]);
      return made;
    }
    /** They are the member's now, or nobody's. */
    clear() {
      this.#mine = [];
      this.box.remove(GUEST_KEY);
    }
    /** Another tab has written the list: what it has not seen of ours is put back. `text`: null where it was taken away. */
    heard(text) {
      if (text === null) {
        this.#mine = [];
        return;
      }
      const ids = new Set(parseGuest(text).map(({ id }) => id));
      const lost = this.#mine.filter(({ id }) => !ids.has(id));
      if (lost.length > 0) this.#write([...this.list(), ...lost]);
    }
    #write(list) {
      this.box.set(GUEST_KEY, JSON.stringify(list));
    }
  };
  function parseGuest(text) {
    let value;
    try {
      value = JSON.parse(text ?? "[]");
    } catch {
      return [];
    }
    return Array.isArray(value) ? value.filter(isTransaction) : [];
  }
  function isTransaction(value) {
    if (typeof value !== "object" || value === null) return false;
    const { type, amount } = value;
    return (type === "earn" || type === "spend") && unitsOf(amount) !== void 0;
  }

  // session.ts
  var GUEST = "guest";
  var NOBODY = { username: null, userId: GUEST, user: GUEST };
  var USER = /^\d{1,18}-[A-Za-z0-9._-]{1,100}$/;
  var CONFLICT = /[._]sync-conflict-/;
  function sessionOf(get, now) {
    const shared = objectIn(get("directsponsor_session"));
    if (shared === void 0)
      return sessionFrom(get("user_id") ?? void 0, get("username") ?? void 0, get("combined_user_id") ?? void 0);
    const { expires } = shared;
    if (typeof expires === "number" && now > expires) return NOBODY;
    return sessionFrom(wordOf(shared.user_id), wordOf(shared.username), wordOf(shared.combined_user_id));
  }
  function isUser(user) {
    return USER.test(user) && !CONFLICT.test(user);
  }
  function sessionFrom(userId = "", username = "", combined = "") {
    const user = combined || (userId && username ? `${userId}-${username}` : "");
    if (!isUser(user)) return NOBODY;
    return {
      username: username || user.slice(user.indexOf("-") + 1),
      userId: userId || (user.split("-")[0] ?? ""),
      user
    };
  }
  function wordOf(value) {
    return typeof value === "string" || typeof value === "number" ? String(value) : void 0;
  }
  function objectIn(text) {
    if (text === null) return void 0;
    try {
      const value = JSON.parse(text);
      return typeof value === "object" && value !== null ? value : void 0;
    } catch {
      return void 0;
    }
  }

  // claims.ts
  var PREFIX = "axle_claim:";
  var CLAIM_MAX = 200;
  var CLAIM_CHARS_MAX = 16e3;
  var FOR_LATER = "over_cap";
  var PAID = "already_claimed";
  var NOTHING = "0";
  var PART = 10000000000n;
  var PARTS_MAX = 100;
  var Claims = class {
    constructor(box, now) {
      this.box = box;
      this.now = now;
    }
    box;
    now;
    /** Takes over what the guest has; returns whether there is anything of this user's to send. */
    take(user, guest) {
      const promised = this.#promisedIds();
      const news = claimable(guest.list(), this.now()).filter(({ id }) => !promised.has(id));
      if (news.length > 0) this.#write(user, [...this.#stored(user), ...spendOff(news)]);
      guest.clear();
      const left = this.of(user);
      if (left.length < this.#stored(user).length) this.#write(user, left);
      return left.length > 0;
    }
    /** Adds a sum that is no guest's. `mark`: the same for the same sum, so that it is added and credited once. */
    adopt(user, sum, mark) {
      const promised = this.#promisedIds();
      const timestamp = new Date(this.now()).toISOString();
      const parts = [];
      for (let left = sum; left > 0n; ) {
        const part = left > PART && parts.length < PARTS_MAX - 1 ? PART : left;
        left -= part;
        const id = `${wordOf2(mark)}+${parts.length}`;
        parts.push({ id, type: "earn", amount: textOf(part), source: "net_change", description: "", timestamp });
      }
      const news = parts.filter(({ id }) => !promised.has(id));
      if (news.length > 0) this.#write(user, [...this.#stored(user), ...news]);
    }
    /** In order of time, as they are to be sent. */
    of(user) {
      return this.#stored(user).filter(({ amount }) => amount !== NOTHING);
    }
    /** As many of them as one request takes, without those that have been `offered` already. */
    next(user, offered) {
      let chars = 0;
      return this.of(user).filter(({ id }) => !offered.has(id)).slice(0, CLAIM_MAX).filter((one, index) => {
        chars += JSON.stringify(one).length;
        return index === 0 || chars <= CLAIM_CHARS_MAX;
      });
    }
    /** Keeps what may be credited another day. Returns what the member will never get. */
    settle(user, { claimed, skipped }) {
      const reasons = new Map(skipped.map(({ id, reason }) => [id, reason]));
      for (const id of claimed) reasons.set(id, PAID);
      const reasonOf = ({ id }) => reasons.get(id) ?? FOR_LATER;
      const list = this.of(user);
      this.#write(
        user,
        list.filter((one) => reasonOf(one) === FOR_LATER)
      );
      return list.map((transaction) => ({ transaction, reason: reasonOf(transaction) })).filter(({ reason }) => reason !== FOR_LATER && reason !== PAID);
    }
    /** With those of which nothing is left, as long as the guest's list may still hold them. */
    #stored(user) {
      return parseGuest(this.box.get(PREFIX + user));
    }
    #write(user, list) {
      if (list.length === 0) this.box.remove(PREFIX + user);
      else this.box.set(PREFIX + user, JSON.stringify(list));
    }
    #promisedIds() {
      const lists = this.box.keys().filter((key) => key.startsWith(PREFIX) && isUser(key.slice(PREFIX.length))).map((key) => this.#stored(key.slice(PREFIX.length)));
      return new Set(lists.flat().map(({ id }) => id));
    }
  };
  function claimable(list, now) {
    const times = /* @__PURE__ */ new Map();
    return list.flatMap(({ id: given, type, amount, source, description, timestamp }) => {
      const units = unitsOf(amount) ?? 0n;
      if (units <= 0n) return [];
      const word = wordOf2(given) || "none";
      const time = times.get(word) ?? 0;
      times.set(word, time + 1);
      return {
        id: time === 0 ? word : `${word}+${time}`,
        type,
        amount: textOf(units),
        source: sourceOf(source),
        description: descriptionOf(description),
        timestamp: momentOf(timestamp, word, now)
      };
    });
  }
  function spendOff(list) {
    let spent = list.reduce((sum, { type, amount }) => sum + (type === "spend" ? unitsOf(amount) ?? 0n : 0n), 0n);
    return list.map((one) => {
      if (one.type === "spend") return { ...one, amount: NOTHING };
      const earned = unitsOf(one.amount) ?? 0n;
      const taken = spent < earned ? spent : earned;
      spent -= taken;
      return { ...one, amount: textOf(earned - taken) };
    });
  }
  function wordOf2(given) {
    return String(given ?? "").replace(/[^\x21-\x7e]/g, "_").slice(0, 56);
  }
  function sourceOf(text) {
    const word = String(text ?? "").replace(/[^A-Za-z0-9_.:-]+/g, "_").replace(/^[_.:-]+/, "").slice(0, 64);
    return word || "unknown";
  }
  function descriptionOf(text) {
    return [...String(text ?? "")].slice(0, 200).join("");
  }
  function momentOf(timestamp, id, now) {
    const told = Date.parse(String(timestamp));
    const time = Number.isNaN(told) ? Number.parseInt(id, 10) : told;
    return new Date(Number.isFinite(time) && Math.abs(time) < 8e15 ? time : now).toISOString();
  }

  // pending.ts
  var PREFIX2 = "axle_pending:";
  var TIME_DIGITS = 15;
  var PendingChanges = class {
    /** `uuid`: a name that nobody else gives. */
    constructor(box, user, now, uuid2) {
      this.box = box;
      this.user = user;
      this.now = now;
      this.uuid = uuid2;
      this.#prefix = `${PREFIX2}${user}:`;
    }
    box;
    user;
    now;
    uuid;
    #prefix;
    #last = 0;
    add(amount, source, description) {
      this.#last = Math.max(this.#last + 1, this.now());
      const change = { key: this.uuid(), amount: textOf(amount), source, description };
      const name = `${String(this.#last).padStart(TIME_DIGITS, "0")}-${change.key}`;
      this.box.set(this.#prefix + name, JSON.stringify(change));
      return change;
    }
    /** In the order in which they were made. */
    list() {
      return this.#names().flatMap((name) => {
        const change = parsePending(this.box.get(name));
        return change !== void 0 && name.endsWith(`-${change.key}`) ? [change] : [];
      });
    }
    /** What they come to together. */
    total() {
      return this.list().reduce((sum, { amount }) => sum + (unitsOf(amount) ?? 0n), 0n);
    }
    remove(key) {
      for (const name of this.#names()) if (name.endsWith(`-${key}`)) this.box.remove(name);
    }
    /** Whether a storage key is one of these. */
    owns(name) {
      return name.startsWith(this.#prefix);
    }
    #names() {
      return this.box.keys().filter((name) => this.owns(name)).sort();
    }
  };
  function parsePending(text) {
    try {
      const { key, amount, source, description } = JSON.parse(text ?? "");
      if (typeof key !== "string" || typeof amount !== "string" || unitsOf(amount) === void 0) return void 0;
      return { key, amount, source: String(source), description: String(description) };
    } catch {
      return void 0;
    }
  }
  function sendableTogether(changes, balance, max) {
    let left = balance ?? 0n;
    const sendable = [];
    for (const change of changes.slice(0, max)) {
      const amount = unitsOf(change.amount) ?? 0n;
      if (amount < 0n) left += amount;
      if (amount < 0n && left < 0n) break;
      sendable.push(change);
    }
    return sendable;
  }

  // flusher.ts
  var ROUND_MAX = 500;
  var LEAVING_MAX = 40;
  var BUSY_MS = 1e3;
  var SIGN_IN_EVERY_MS = 3e4;
  var Flusher = class {
    constructor(world) {
      this.world = world;
    }
    world;
    #running;
    #again = false;
    #failures = 0;
    #cancel;
    #isStopped = false;
    /** Not before this a session is asked for once more. */
    #maySignInAt = 0;
    /** Credits that the server wants later, and when: they let others pass. */
    #deferred = /* @__PURE__ */ new Map();
    /** Whether the next round is already set. */
    get isWaiting() {
      return this.#cancel !== void 0;
    }
    /** Sends all that may be sent now. Resolves when that is done; whatever goes wrong is tried again later. */
    flush() {
      if (this.#isStopped) return Promise.resolve();
      this.#cancel?.();
      this.#cancel = void 0;
      if (this.#running !== void 0) {
        this.#again = true;
        return this.#running;
      }
      this.#running = this.#rounds().finally(() => {
        this.#running = void 0;
      });
      return this.#running;
    }
    /** The network is back, or somebody looks at the page again: no more waiting. */
    wake() {
      this.#failures = 0;
      this.#maySignInAt = 0;
      void this.flush();
    }
    /** The page is being left: everything that needs no order is sent at once. Answers may come to nobody. */
    leave(confirmed) {
      const { pending, server } = this.world;
      for (const change of sendableTogether(pending.list(), confirmed, LEAVING_MAX))
        void server.change(pending.user, change).then((outcome) => this.#settle(change, outcome));
    }
    stop() {
      this.#isStopped = true;
      this.#cancel?.();
    }
    async #rounds() {
      let blocked_ms;
      do {
        this.#again = false;
        const isOurs = await this.world.alone(async () => {
          blocked_ms = await this.#round();
        });
        if (!isOurs) blocked_ms = BUSY_MS;
      } while (this.#again && blocked_ms === void 0 && !this.#isStopped);
      if (this.world.pending.list().length === 0) return;
      const due = Math.min(...this.#deferred.values());
      this.#wakeIn(blocked_ms ?? (due === Number.POSITIVE_INFINITY ? BUSY_MS : Math.max(0, due - this.world.now())));
    }
    /** Returns how long to wait before the next one; undefined: nothing is left that may be sent now. */
    async #round() {
      const { pending, now, random } = this.world;
      for (let sent = 0; sent < ROUND_MAX && !this.#isStopped; sent += 1) {
        const change = pending.list().find(({ key }) => (this.#deferred.get(key) ?? 0) <= now());
        if (change === void 0) return void 0;
        const outcome = await this.#send(change);
        if (this.#settle(change, outcome)) {
          this.#failures = 0;
          continue;
        }
        this.#failures += 1;
        const asked_ms = outcome.kind === "later" ? outcome.after_ms ?? 0 : 0;
        const delay_ms = Math.max(asked_ms, backoff_ms(this.#failures, random()));
        if (outcome.kind !== "later" || (unitsOf(change.amount) ?? 0n) < 0n) return delay_ms;
        this.#deferred.set(change.key, now() + delay_ms);
      }
      return void 0;
    }
    async #send(change) {
      const { pending, server, signIn, onSignedOut, now } = this.world;
      let outcome = await server.change(pending.user, change);
      if (outcome.kind !== "unauthorized" || now() < this.#maySignInAt) return outcome;
      this.#maySignInAt = now() + SIGN_IN_EVERY_MS;
      const isSignedIn = await signIn().catch(() => void 0);
      if (isSignedIn === true) outcome = await server.change(pending.user, change);
      if (isSignedIn !== void 0 && outcome.kind === "unauthorized") onSignedOut();
      return outcome;
    }
    /** Whether the change is over and done with. */
    #settle(change, outcome) {
      if (outcome.kind !== "done" && outcome.kind !== "refused") return false;
      this.#deferred.delete(change.key);
      this.world.pending.remove(change.key);
      this.world.onSettled(change, outcome);
      return true;
    }
    #wakeIn(ms) {
      if (this.#isStopped) return;
      this.#cancel?.();
      this.#cancel = this.world.later(ms, () => void this.flush());
    }
  };

  // locks.ts
  async function oneTabOnly(name, work) {
    if (navigator.locks === void 0) {
      await work();
      return true;
    }
    return navigator.locks.request(name, { ifAvailable: true }, async (lock) => {
      if (lock === null) return false;
      await work();
      return true;
    });
  }
  async function untilOurs(name, signal, work) {
    if (navigator.locks === void 0) return work();
    try {
      await navigator.locks.request(name, { signal }, async () => signal.aborted ? void 0 : work());
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  // live.ts
  var EVENTS_KEY = "axle_events:";
  async function followBalance(server, user, box, onEvent, onTrouble, signal) {
    await untilOurs(`axle-events:${user}`, signal, async () => {
      let failures = 0;
      while (!signal.aborted) {
        const hear = (event) => {
          failures = 0;
          if (event.id !== void 0) box.set(EVENTS_KEY + user, event.id);
          onEvent(event);
        };
        try {
          await server.follow(user, box.get(EVENTS_KEY + user) ?? void 0, hear, signal);
          failures = 0;
        } catch {
          failures += 1;
          if (!signal.aborted) onTrouble();
        }
        await pause(signal, backoff_ms(Math.max(1, failures), Math.random()));
      }
    });
  }
  function pause(signal, ms) {
    return new Promise((resolve) => {
      const over = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", over);
        removeEventListener("online", over);
        resolve();
      };
      const timer = setTimeout(over, ms);
      signal.addEventListener("abort", over);
      addEventListener("online", over);
    });
  }

  // net-change.ts
  var KEY = "balance_net_change:";
  var QUIET_MS = 3e5;
  var NetChange = class {
    constructor(box, user) {
      this.box = box;
      this.#key = KEY + user;
    }
    box;
    #key;
    /** Undefined: there is nothing. */
    get amount() {
      const units = unitsOf(this.box.get(this.#key) ?? void 0);
      return units === 0n ? void 0 : units;
    }
    /** The same as long as nobody has touched it. */
    get mark() {
      return `${this.box.get(this.#key)} ${this.box.get(`${this.#key}_timestamp`)}`;
    }
    /** How much longer it has to stay untouched. */
    quietFor_ms(now) {
      const touched = Number(this.box.get(`${this.#key}_timestamp`) ?? Number.NaN);
      return Number.isFinite(touched) ? Math.max(0, Math.min(QUIET_MS, touched + QUIET_MS - now)) : QUIET_MS;
    }
    forget() {
      this.box.remove(this.#key);
      this.box.remove(`${this.#key}_timestamp`);
    }
  };

  // account.ts
  var BALANCE_KEY = "axle_balance:";
  var HOLD_MS_MAX = 3e3;
  var READS_MAX = 3;
  var CLAIM_AGAIN_MS = 36e5;
  var CLAIM_TRIES_MAX = 6;
  var WATCH_MS = 5e3;
  var Account = class {
    constructor(world, user, username) {
      this.world = world;
      this.user = user;
      this.username = username;
      const { box, server } = world;
      this.pending = new PendingChanges(box, user, Date.now, uuid);
      const remembered = unitsOf(box.get(BALANCE_KEY + user) ?? void 0);
      if (remembered !== void 0) this.state.remembered(remembered);
      this.flusher = new Flusher({
        pending: this.pending,
        server,
        alone: (work) => oneTabOnly(`axle-flush:${user}`, work),
        onSettled: (change, outcome) => this.#settled(change, outcome),
        signIn: () => this.signIn(),
        onSignedOut: () => {
          this.#isSignedOut = true;
          world.onSignedOut(true);
        },
        now: Date.now,
        random: Math.random,
        later: (ms, run) => {
          const timer = setTimeout(run, ms);
          return () => clearTimeout(timer);
        }
      });
      if (typeof BroadcastChannel === "function") {
        this.#channel = new BroadcastChannel(`axle:${user}`);
        this.#channel.onmessage = ({ data }) => this.#heard(data);
      }
    }
    world;
    user;
    username;
    state = new BalanceState();
    pending;
    flusher;
    #channel;
    #waiting = /* @__PURE__ */ new Map();
    #live = new AbortController();
    #timers = [];
    #reading;
    #signingIn;
    #isSignedOut = false;
    #isStopped = false;
    #isLive = false;
    start() {
      const signedIn = this.signIn().catch(() => false);
      void signedIn.then(() => Promise.all([this.flusher.flush(), this.claim()]));
      void this.read().catch(() => {
      });
      this.#adopt();
      this.resume();
    }
    /** The page is being left, perhaps for good. */
    leave() {
      this.flusher.leave(this.state.confirmed);
      this.#isLive = false;
      this.#live.abort();
      for (const timer of this.#timers) clearTimeout(timer);
      this.#timers = [];
    }
    /** At the start, and when a page that was left is shown again. */
    resume() {
      if (this.#isStopped || this.#isLive) return;
      this.#isLive = true;
      this.#live = new AbortController();
      const { events, box, poll_ms } = this.world;
      if (events !== void 0)
        void followBalance(
          events,
          this.user,
          box,
          ({ balance }) => {
            this.#tell({ type: "event", balance: textOf(balance) });
            this.#event(balance);
          },
          () => this.#readIfSeen(),
          this.#live.signal
        );
      const every = (ms, run) => this.#timers.push(setInterval(run, ms));
      every(CLAIM_AGAIN_MS, () => void this.claim());
      every(WATCH_MS, () => {
        if (this.pending.list().length > 0 && !this.flusher.isWaiting) void this.flusher.flush();
      });
      if (events === void 0) every(poll_ms, () => this.#readIfSeen());
    }
    stop() {
      this.#isStopped = true;
      this.leave();
      this.flusher.stop();
      this.#channel?.close();
    }
    /** Confirmed and pending together; undefined: nothing is known yet. */
    get shown() {
      return this.state.shown(this.pending.total());
    }
    /** Reads anew, a few times where that fails. Rejects where it failed and nothing is known from before. */
    async balance() {
      try {
        await this.read();
      } catch (error) {
        if (this.shown === void 0) throw error;
      }
      return this.shown ?? 0n;
    }
    /** One read at a time. Resolves with the balance that the server has confirmed. */
    read() {
      this.#reading ??= this.#read().finally(() => {
        this.#reading = void 0;
      });
      return this.#reading;
    }
    /** Keeps the change until the server has confirmed it, and sends it. */
    add(amount, source, description) {
      const change = this.pending.add(amount, sourceOf(source), descriptionOf(description));
      this.world.onChange();
      queueMicrotask(() => void this.flusher.flush());
      return change;
    }
    /** What became of a change; undefined where that is not known after so long. */
    outcomeOf(key, within_ms) {
      return new Promise((resolve) => {
        const over = (outcome) => {
          clearTimeout(timer);
          this.#waiting.delete(key);
          resolve(outcome);
        };
        const timer = setTimeout(over, within_ms);
        this.#waiting.set(key, over);
      });
    }
    /** Sends what the user earned as a guest, if there is any: each transaction once, what is over the cap another hour. */
    async claim() {
      const { claims, server, onRefused } = this.world;
      if (claims.of(this.user).length === 0) return;
      await oneTabOnly(`axle-claim:${this.user}`, async () => {
        let isAllowedIn = false;
        const offered = /* @__PURE__ */ new Set();
        for (let failures = 0; failures < CLAIM_TRIES_MAX && !this.#isStopped; ) {
          const sent = claims.next(this.user, offered);
          if (sent.length === 0) return;
          const answer = await server.claim(this.user, sent).catch(() => void 0);
          if (answer !== void 0) {
            for (const { id } of sent) offered.add(id);
            for (const { transaction, reason } of claims.settle(this.user, answer)) onRefused(transaction, reason);
            await this.read().catch(() => {
            });
            continue;
          }
          failures += 1;
          if (!isAllowedIn) isAllowedIn = await this.signIn().catch(() => false);
          await new Promise((resolve) => setTimeout(resolve, backoff_ms(failures, Math.random())));
        }
      });
    }
    /** Opens the server's session, where it has such a thing: one request at a time. Rejects where nothing was answered. */
    signIn() {
      this.#signingIn ??= this.world.server.signIn(this.user, this.username).finally(() => {
        this.#signingIn = void 0;
      });
      return this.#signingIn;
    }
    /** Somebody looks at the page, or the network is back. */
    wake() {
      this.flusher.wake();
      void this.read().catch(() => {
      });
      void this.claim();
    }
    /** Once the sites' former script can no longer be at it in another tab, what it left behind is ours to send. */
    #adopt() {
      const { box, claims, server } = this.world;
      const left = new NetChange(box, this.user);
      if (left.amount === void 0) return;
      const seen = left.mark;
      const timer = setTimeout(() => {
        void oneTabOnly(`axle-adopt:${this.user}`, async () => {
          const { amount } = left;
          if (amount === void 0 || left.mark !== seen || this.#isStopped) return;
          if (amount > 0n && server.hasSources) {
            claims.adopt(this.user, amount, seen);
            left.forget();
            void this.claim();
            return;
          }
          left.forget();
          this.add(amount, "net_change", "");
        });
      }, left.quietFor_ms(Date.now()));
      this.#timers.push(timer);
    }
    #readIfSeen() {
      if (document.visibilityState === "visible") void this.read().catch(() => {
      });
    }
    async #read() {
      for (let tries = 1; ; tries += 1) {
        const begun = this.state.beginRead();
        try {
          const balance = await this.world.server.read(this.user);
          if (this.state.read(balance, begun)) this.#changed();
          return this.state.confirmed ?? balance;
        } catch (error) {
          if (tries === READS_MAX || this.#isStopped) throw error;
          await new Promise((resolve) => setTimeout(resolve, backoff_ms(tries, Math.random())));
        }
      }
    }
    #settled(change, outcome) {
      if (outcome.kind !== "done" && outcome.kind !== "refused") return;
      const { balance } = outcome;
      const told = {
        kind: outcome.kind,
        ...outcome.kind === "refused" && { reason: outcome.reason },
        ...balance !== void 0 && { balance: textOf(balance) }
      };
      this.#tell({ type: "settled", key: change.key, outcome: told });
      if (outcome.kind === "refused") this.world.onRefused(change, outcome.reason);
      this.#answered(change.key, outcome, balance);
    }
    #answered(key, outcome, balance) {
      if (this.#isSignedOut) this.world.onSignedOut(false);
      this.#isSignedOut = false;
      const isMorePending = this.pending.list().length > 0;
      if (this.state.answered(balance, isMorePending)) void this.read().catch(() => {
      });
      this.#changed();
      this.#waiting.get(key)?.(outcome);
    }
    #event(balance) {
      if (this.state.event(balance, this.pending.list().length > 0)) {
        this.#changed();
        return;
      }
      setTimeout(() => {
        if (this.state.release()) this.#changed();
      }, HOLD_MS_MAX);
    }
    #changed() {
      const { confirmed } = this.state;
      if (confirmed !== void 0) this.world.box.set(BALANCE_KEY + this.user, textOf(confirmed));
      this.world.onChange();
    }
    #tell(message) {
      this.#channel?.postMessage(message);
    }
    #heard(message) {
      if (message.type === "event") {
        const balance2 = unitsOf(message.balance);
        if (balance2 !== void 0) this.#event(balance2);
        return;
      }
      const { kind, reason = "", balance: text } = message.outcome;
      const balance = unitsOf(text);
      this.pending.remove(message.key);
      const outcome = kind === "refused" ? { kind, reason } : { kind, balance: balance ?? 0n };
      this.#answered(message.key, outcome, balance);
    }
  };
  function uuid() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  // displays.ts
  var BALANCES = ".balance, #user-balance, #balance-display";
  var CURRENCIES = ".currency, [data-currency], #user-balance-label";
  var UNKNOWN = "…";
  var MESSAGE_ID = "sync-message";
  var BUTTON_ID = "sync-balance-btn";
  function terminologyOf(isMember) {
    return isMember ? { currency: "coins", fullName: "Charity Coins", action: "Earn Coins" } : { currency: "tokens", fullName: "Guest Tokens", action: "Earn Tokens" };
  }
  function showBalance(balance, { fullName }) {
    const text = balance === void 0 ? UNKNOWN : shownOf(balance);
    for (const element of document.querySelectorAll(BALANCES))
      put(element, text, balance === void 0 ? "not known at this moment" : `${text} ${fullName}`);
  }
  function showCurrency({ currency, fullName }) {
    for (const element of document.querySelectorAll(CURRENCIES)) put(element, currency, fullName);
  }
  function put(element, text, title) {
    if (element.textContent !== text) element.textContent = text;
    if (element.title !== title) element.title = title;
  }
  function showMessage(message, duration_ms) {
    document.getElementById(MESSAGE_ID)?.remove();
    const note = document.createElement("div");
    note.id = MESSAGE_ID;
    note.setAttribute("role", "status");
    note.textContent = message;
    note.style.cssText = "position:fixed;top:4.5rem;right:1rem;z-index:10001;padding:.75rem 1.25rem;border-radius:.25rem;background:#2e7d32;color:#fff;font:14px sans-serif";
    document.body?.append(note);
    if (duration_ms) setTimeout(() => note.remove(), duration_ms);
  }
  var LABELS = {
    syncing: "⏳ Syncing…",
    success: "✅ Synced!",
    normal: "🔄 Sync"
  };
  function showButton(state) {
    const button = document.getElementById(BUTTON_ID);
    if (!(button instanceof HTMLButtonElement)) return;
    button.textContent = LABELS[state] ?? LABELS.normal;
    button.disabled = state === "syncing" || state === "success";
  }

  // outcome.ts
  var INSUFFICIENT = "Insufficient balance";
  var UNKNOWN2 = { kind: "unknown" };
  var REFUSALS = [400, 404, 409, 413, 415, 422];
  function sidecarOutcome({ status, body, retryAfter_s }) {
    if (status === 200) return done(body?.balance);
    const error = body?.error;
    if (typeof error?.code !== "string") return status === 401 ? { kind: "unauthorized" } : UNKNOWN2;
    if (status === 401) return { kind: "unauthorized" };
    if (status === 429 || status === 503) return later(retryAfter_s);
    if (status === 403 && error.code !== "source_not_allowed") return { kind: "unauthorized" };
    if (status !== 403 && !REFUSALS.includes(status)) return UNKNOWN2;
    const isFunds = error.code === "insufficient_funds";
    return refused(isFunds ? INSUFFICIENT : String(error.message ?? error.code), error.balance);
  }
  function phpOutcome({ status, body, retryAfter_s }) {
    if (status === 200 && body?.success === true) return done(body.balance);
    if (status === 401 || status === 403) return { kind: "unauthorized" };
    if (body?.success !== false) return UNKNOWN2;
    if (status === 429 || status === 503) return later(retryAfter_s);
    if (status === 404 || !REFUSALS.includes(status)) return UNKNOWN2;
    return refused(status === 409 ? INSUFFICIENT : String(body.error ?? status), body.balance);
  }
  function done(balance) {
    const units = unitsOf(balance);
    return units === void 0 ? UNKNOWN2 : { kind: "done", balance: units };
  }
  function later(retryAfter_s) {
    return retryAfter_s === void 0 ? { kind: "later" } : { kind: "later", after_ms: retryAfter_s * 1e3 };
  }
  function refused(reason, balance) {
    const units = unitsOf(balance);
    return units === void 0 ? { kind: "refused", reason } : { kind: "refused", reason, balance: units };
  }

  // server.ts
  var ANSWER_MS_MAX = 1e4;
  async function ask(url, { method = "GET", body, headers = {}, token, isElsewhere = false } = {}) {
    const response = await fetch(url, {
      method,
      cache: "no-store",
      credentials: isElsewhere ? "include" : "same-origin",
      keepalive: method === "POST",
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
      headers: {
        ...body !== void 0 && { "content-type": "application/json" },
        ...token !== void 0 && { authorization: `Bearer ${token}` },
        ...headers
      },
      ...body !== void 0 && { body: JSON.stringify(body) }
    });
    const retryAfter_s = Number(response.headers.get("retry-after") ?? "none");
    return {
      status: response.status,
      body: objectOf(await response.text()),
      ...retryAfter_s >= 0 && { retryAfter_s }
    };
  }
  function objectOf(text) {
    try {
      const value = JSON.parse(text);
      return typeof value === "object" && value !== null && !Array.isArray(value) ? value : void 0;
    } catch {
      return void 0;
    }
  }
  function claimAnswerOf({ status, body }) {
    if (status !== 200 || !Array.isArray(body?.claimed) || !Array.isArray(body.skipped)) return void 0;
    return { claimed: body.claimed, skipped: body.skipped };
  }

  // php-server.ts
  var PhpServer = class {
    /** `base`: where the endpoints are, without a slash at the end. `site`: what the site calls itself. */
    constructor(base, site, token) {
      this.base = base;
      this.site = site;
      this.token = token;
    }
    base;
    site;
    token;
    hasSources = false;
    async read(user) {
      const { status, body } = await ask(`${this.base}/get_balance.php?user_id=${encodeURIComponent(user)}`);
      const balance = status === 200 && body?.success === true ? unitsOf(body.balance) : void 0;
      if (balance === void 0) throw new Error(`the balance could not be read (${status})`);
      return balance;
    }
    async change(user, { key, amount, source, description }) {
      const body = {
        user_id: user,
        net_change: amount,
        source,
        description,
        server_id: this.site,
        idempotency_key: key,
        // A spend that the page has checked is made whole or not at all.
        clamp: false
      };
      try {
        return phpOutcome(await ask(`${this.base}/write_balance.php`, { method: "POST", body }));
      } catch {
        return { kind: "unknown" };
      }
    }
    async claim(user, transactions) {
      const body = { user_id: user, transactions };
      return claimAnswerOf(await ask(`${this.base}/claim_guest.php`, { method: "POST", body }));
    }
    async signIn(user, username) {
      const jwt = this.token(user);
      const body = { user_id: user, username, ...jwt !== void 0 && { jwt } };
      const answer = await ask(`${this.base}/session-init.php`, { method: "POST", body });
      return answer.status === 200 && answer.body?.success === true;
    }
  };

  // ../common/core/event-stream.ts
  var LENGTH_MAX = 256 * 1024;
  var EventParser = class {
    constructor(length_max = LENGTH_MAX) {
      this.length_max = length_max;
    }
    length_max;
    #rest = "";
    #id;
    #event = "";
    #data = [];
    /** The events that are complete with this piece. Throws where the stream is no event stream. */
    push(piece) {
      this.#rest += piece;
      if (this.#rest.length > this.length_max) throw new Error("an event is too long");
      const events = [];
      const lines = this.#rest.split(/\r\n|\n|\r(?!$)/);
      this.#rest = lines.pop() ?? "";
      for (const line of lines) {
        const event = this.#take(line);
        if (event !== void 0) events.push(event);
      }
      return events;
    }
    #take(line) {
      if (line === "") return this.#end();
      const colon = line.indexOf(":");
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "data") this.#data.push(value);
      else if (field === "event") this.#event = value;
      else if (field === "id" && !value.includes("\0")) this.#id = value;
      return void 0;
    }
    #end() {
      const event = { id: this.#id, event: this.#event || "message", data: this.#data.join("\n") };
      const isEmpty = this.#data.length === 0;
      this.#event = "";
      this.#data = [];
      return isEmpty ? void 0 : event;
    }
  };

  // sidecar-server.ts
  var SILENCE_MS_MAX = 4e4;
  var SidecarServer = class {
    /** `base`: where a browser reaches it, without a slash at the end. */
    constructor(base, token) {
      this.base = base;
      this.token = token;
    }
    base;
    token;
    hasSources = true;
    async read(user) {
      const { status, body } = await ask(this.#balance(user), { token: this.token(user), isElsewhere: true });
      const balance = status === 200 ? unitsOf(body?.balance) : void 0;
      if (balance === void 0) throw new Error(`the balance could not be read (${status})`);
      return balance;
    }
    async change(user, { key, amount, source, description }) {
      const body = { amount, source, ...description !== "" && { description } };
      try {
        const headers = { "idempotency-key": key };
        const url = `${this.#balance(user)}/changes`;
        return sidecarOutcome(
          await ask(url, { method: "POST", body, headers, token: this.token(user), isElsewhere: true })
        );
      } catch {
        return { kind: "unknown" };
      }
    }
    async claim(user, transactions) {
      const url = `${this.base}/v1/guests/${encodeURIComponent(user)}/claim`;
      return claimAnswerOf(
        await ask(url, { method: "POST", body: { transactions }, token: this.token(user), isElsewhere: true })
      );
    }
    /** Every request says by itself who is asking. */
    async signIn() {
      return false;
    }
    /**
     * The balance as it changes, whoever changes it, from where the last stream ended. Resolves when the stream has ended in
     * good order; rejects where it broke, fell silent, or was aborted.
     */
    async follow(user, lastId, onEvent, signal) {
      const token = this.token(user);
      const quiet = new AbortController();
      const stop = () => quiet.abort();
      signal.addEventListener("abort", stop);
      let timer = setTimeout(stop, SILENCE_MS_MAX);
      try {
        const response = await fetch(`${this.base}/v1/events?user=${encodeURIComponent(user)}`, {
          cache: "no-store",
          credentials: "include",
          signal: quiet.signal,
          headers: {
            accept: "text/event-stream",
            ...token !== void 0 && { authorization: `Bearer ${token}` },
            ...lastId !== void 0 && { "last-event-id": lastId }
          }
        });
        if (signal.aborted || response.status !== 200 || response.body === null)
          throw new Error(`no events (${response.status})`);
        const parser = new EventParser();
        const text = new TextDecoder();
        const reader = response.body.getReader();
        for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
          clearTimeout(timer);
          timer = setTimeout(stop, SILENCE_MS_MAX);
          for (const { id, event, data } of parser.push(text.decode(piece.value, { stream: true }))) {
            const told = event === "balance" ? objectOf(data) : void 0;
            const balance = told?.user === user ? unitsOf(told.balance) : void 0;
            if (balance !== void 0) onEvent({ id, balance });
          }
        }
      } finally {
        clearTimeout(timer);
        signal.removeEventListener("abort", stop);
        quiet.abort();
      }
    }
    #balance(user) {
      return `${this.base}/v1/balances/${encodeURIComponent(user)}`;
    }
  };

  // tasks.ts
  var DONE = "completed_tasks";
  var SKIPPED = "skipped_tasks";
  var STATS = "ptc_stats";
  var HOUR_MS = 36e5;
  var AD_AGAIN_MS = 23 * HOUR_MS;
  var Tasks = class {
    constructor(box, now) {
      this.box = box;
      this.now = now;
    }
    box;
    now;
    completed() {
      return this.#times(DONE);
    }
    complete(id) {
      this.#put(DONE, { ...this.completed(), [id]: this.#moment() });
    }
    isAdCompleted(id) {
      if (this.completed()[id] === void 0) return false;
      if (this.adTimeLeft_ms(id) > 0) return true;
      this.#drop(DONE, (task) => task === id);
      return false;
    }
    adTimeLeft_ms(id) {
      const time = Date.parse(this.completed()[id] ?? "");
      return Number.isNaN(time) ? 0 : Math.max(0, time + AD_AGAIN_MS - this.now());
    }
    /** Forgets what was completed of a sort (`ad_`, `simple_`) and is no longer offered. */
    keepCompleted(prefix, offered) {
      this.#drop(DONE, (task) => task.startsWith(prefix) && !offered.includes(task));
    }
    adsCompleted() {
      const { totalCompleted } = this.#read(STATS);
      return typeof totalCompleted === "number" ? totalCompleted : 0;
    }
    countAd() {
      const total = this.adsCompleted() + 1;
      this.#put(STATS, { ...this.#read(STATS), totalCompleted: total });
      return total;
    }
    skipped() {
      return this.#times(SKIPPED);
    }
    skip(id) {
      this.#put(SKIPPED, { ...this.skipped(), [id]: this.#moment() });
    }
    unskip(id) {
      this.#drop(SKIPPED, (task) => task === id);
    }
    #times(key) {
      return this.#read(key);
    }
    #drop(key, isOver) {
      const all = Object.entries(this.#read(key));
      const left = all.filter(([task]) => !isOver(task));
      if (left.length < all.length) this.#put(key, Object.fromEntries(left));
    }
    #moment() {
      return new Date(this.now()).toISOString();
    }
    #read(key) {
      try {
        const value = JSON.parse(this.box.get(key) ?? "{}");
        return typeof value === "object" && value !== null ? value : {};
      } catch {
        return {};
      }
    }
    #put(key, value) {
      this.box.set(key, JSON.stringify(value));
    }
  };
  function durationText(ms) {
    if (ms <= 0) return "Available now";
    const minutes = Math.floor(ms / 6e4);
    const parts = [
      ...minutes >= 60 ? [`${Math.floor(minutes / 60)}h`] : [],
      ...minutes % 60 > 0 ? [`${minutes % 60}m`] : []
    ];
    return parts.join(" ") || "Less than 1m";
  }

  // page-balance.ts
  var SPEND_MS_MAX = 2500;
  var LOOK_MS = 15e3;
  var NO_AMOUNT = "Invalid amount";
  var NO_BALANCE = "Balance not available";
  var UnifiedBalance = class {
    #box;
    #settings;
    #guest;
    #claims;
    #tasks;
    #sidecar;
    #server;
    #session;
    #account;
    #isListening = false;
    constructor(box, settings, token) {
      this.#box = box;
      this.#settings = settings;
      this.#guest = new GuestTransactions(box, Date.now, Math.random);
      this.#claims = new Claims(box, Date.now);
      this.#tasks = new Tasks(box, Date.now);
      const { sidecar, api, site, writes } = settings;
      this.#sidecar = sidecar === void 0 ? void 0 : new SidecarServer(sidecar, token);
      this.#server = writes === "sidecar" && this.#sidecar ? this.#sidecar : new PhpServer(api, site, token);
      this.#session = this.#look();
    }
    /** Begins to work; called once, after the globals are there. */
    start() {
      this.#enter();
      this.setupCrossSiteSync();
      setInterval(() => this.refreshLoginStatus(), LOOK_MS);
    }
    // ---- Balances
    /** Rejects where the balance could not be read and is not known from before: never 0 instead. */
    async getBalance() {
      return this.#account === void 0 ? this.getGuestBalance() : this.getRealBalance();
    }
    async getRealBalance() {
      if (this.#account === void 0) return this.getGuestBalance();
      return numberOf(await this.#account.balance());
    }
    getGuestBalance() {
      return numberOf(this.#guest.balance());
    }
    /** A negative amount is a spend: games hand in what is left of win and bet. */
    async addBalance(amount, source, description) {
      if (amount < 0) return this.subtractBalance(-amount, source, description);
      if (this.#account === void 0) return this.addGuestBalance(amount, source, description);
      const units = positive(amount);
      if (units === void 0) return { success: false, error: NO_AMOUNT };
      if (units > 0n) this.#account.add(units, source, description);
      return { success: true, ...this.#balanceField() };
    }
    /** A member's spend waits a moment for the server: what another site has spent already cannot be spent here. */
    async subtractBalance(amount, source, description) {
      const account = this.#account;
      if (account === void 0) return this.subtractGuestBalance(amount, source, description);
      const units = positive(amount);
      if (units === void 0) return { success: false, error: NO_AMOUNT };
      if (units === 0n) return { success: true, ...this.#balanceField() };
      if (account.shown === void 0) await account.read().catch(() => {
      });
      const { shown } = account;
      if (shown === void 0) return { success: false, error: NO_BALANCE };
      if (shown < units) {
        await account.read().catch(() => {
        });
        if ((account.shown ?? 0n) < units) return { success: false, error: INSUFFICIENT, ...this.#balanceField() };
      }
      const { key } = account.add(-units, source, description);
      const outcome = await account.outcomeOf(key, navigator.onLine ? SPEND_MS_MAX : 0);
      if (outcome?.kind === "refused") return { success: false, error: outcome.reason, ...this.#balanceField() };
      return { success: true, ...outcome === void 0 && { pending: true }, ...this.#balanceField() };
    }
    // ---- Visitors
    getGuestTransactions() {
      return this.#guest.list();
    }
    saveGuestTransaction(type, amount, source, description) {
      return this.#guest.save(type, amount, source, description);
    }
    addGuestBalance(amount, source, description) {
      const units = positive(amount);
      if (units === void 0) return { success: false, error: NO_AMOUNT };
      if (units > 0n) this.#guest.save("earn", amount, source, description);
      this.updateBalanceDisplaysSync();
      return { success: true, balance: this.getGuestBalance() };
    }
    subtractGuestBalance(amount, source, description) {
      const units = positive(amount);
      if (units === void 0) return { success: false, error: NO_AMOUNT };
      if (this.#guest.balance() < units) return { success: false, error: INSUFFICIENT };
      if (units > 0n) this.#guest.save("spend", amount, source, description);
      this.updateBalanceDisplaysSync();
      return { success: true, balance: this.getGuestBalance() };
    }
    clearGuestData() {
      this.#guest.clear();
      this.updateBalanceDisplaysSync();
    }
    // ---- Keeping in step
    /** Sends what is pending. Resolves when it was sent or has to wait. */
    async flushNetChange(_trigger) {
      await this.#account?.flusher.flush();
    }
    async syncBalance() {
      const account = this.#account;
      if (account === void 0) {
        this.showSyncMessage("Please log in to sync your balance", 3e3);
        return;
      }
      this.updateSyncButton("syncing");
      try {
        account.flusher.wake();
        await account.flusher.flush();
        await account.read();
        this.showSyncMessage("Balance synced", 2e3);
        this.updateSyncButton("success");
        setTimeout(() => this.updateSyncButton("normal"), 2e3);
      } catch {
        this.showSyncMessage("The balance could not be read. Please try again.", 3e3);
        this.updateSyncButton("normal");
      }
      this.updateBalanceDisplaysSync();
    }
    syncNow() {
      return this.syncBalance();
    }
    syncFromOtherSite() {
      return this.syncBalance();
    }
    /** Listens for what happens to the page; once, however often it is called. */
    setupCrossSiteSync() {
      if (this.#isListening) return;
      this.#isListening = true;
      addEventListener("pagehide", () => this.#account?.leave());
      addEventListener("pageshow", ({ persisted }) => {
        if (!persisted) return;
        this.refreshLoginStatus();
        this.#account?.resume();
        this.#account?.wake();
      });
      addEventListener("online", () => this.#account?.wake());
      document.addEventListener("visibilitychange", () => {
        if (document.visibilityState === "visible") this.#account?.wake();
        else void this.flushNetChange();
      });
      addEventListener("storage", ({ key, newValue }) => {
        if (key === GUEST_KEY) this.#guest.heard(newValue);
        this.refreshLoginStatus();
        if (key === null || key === GUEST_KEY || this.#account?.pending.owns(key)) this.updateBalanceDisplaysSync();
      });
    }
    /** Opens the site's own session, where it has such a thing. */
    async initSession() {
      return await this.#account?.signIn().catch(() => false) ?? false;
    }
    /** A game is about to take this much: where it seems not to be there, the balance is read anew. */
    async checkManipulation(cost = 0) {
      const shown = this.#account?.shown;
      if (this.#account === void 0 || shown !== void 0 && shown >= (unitsOf(cost) ?? 0n)) return;
      await this.#account.read().catch(() => {
      });
      this.updateBalanceDisplaysSync();
    }
    // ---- Who it is
    get isLoggedIn() {
      return this.#account !== void 0;
    }
    get userId() {
      return this.#session.userId;
    }
    get siteId() {
      return this.#settings.site;
    }
    /** What the server has confirmed; NaN where that is not known. */
    get fileBalance() {
      if (this.#account === void 0) return this.getGuestBalance();
      const { confirmed } = this.#account.state;
      return confirmed === void 0 ? Number.NaN : numberOf(confirmed);
    }
    /** What is still on its way. */
    get netChange() {
      return this.#account === void 0 ? 0 : numberOf(this.#account.pending.total());
    }
    getValidUsername() {
      return this.#look().username;
    }
    getUserIdFromToken() {
      return this.#look().userId;
    }
    getCombinedUserIdFromToken() {
      return this.#look().user;
    }
    /** Looks again who is signed in; a page that signs somebody in need not be reloaded. */
    refreshLoginStatus() {
      const before = this.#session.user;
      this.#session = this.#look();
      if (this.#session.user === before) return;
      this.#account?.stop();
      this.#account = void 0;
      this.#enter();
      globalThis.updateLoginUI?.();
    }
    // ---- What is shown
    getTerminology() {
      return terminologyOf(this.isLoggedIn);
    }
    /** From what is known, without asking anybody. */
    updateBalanceDisplaysSync() {
      const terms = this.getTerminology();
      showBalance(this.#account === void 0 ? this.#guest.balance() : this.#account.shown, terms);
      showCurrency(terms);
    }
    updateCurrencyDisplay() {
      showCurrency(this.getTerminology());
    }
    showSyncMessage(message, duration_ms) {
      showMessage(message, duration_ms);
    }
    updateSyncButton(state) {
      showButton(state);
    }
    // ---- Tasks of clickforcharity
    getCompletedTasks() {
      return this.#tasks.completed();
    }
    isTaskCompleted(id) {
      return this.#tasks.completed()[id] !== void 0;
    }
    markTaskCompleted(id) {
      this.#tasks.complete(id);
    }
    isPTCAdCompleted(id) {
      return this.#tasks.isAdCompleted(id);
    }
    getPTCAdTimeRemaining(id) {
      return this.#tasks.adTimeLeft_ms(id);
    }
    formatTimeRemaining(ms) {
      return durationText(ms);
    }
    cleanupExpiredAdCompletions(offered) {
      this.#tasks.keepCompleted("ad_", offered);
    }
    cleanupExpiredSimpleTaskCompletions(offered) {
      this.#tasks.keepCompleted("simple_", offered);
    }
    getTotalPTCTasksCompleted() {
      return this.#tasks.adsCompleted();
    }
    incrementPTCTasksCompleted() {
      return this.#tasks.countAd();
    }
    getSkippedTasks() {
      return this.#tasks.skipped();
    }
    isTaskSkipped(id) {
      return this.#tasks.skipped()[id] !== void 0;
    }
    markTaskSkipped(id) {
      this.#tasks.skip(id);
    }
    unskipTask(id) {
      this.#tasks.unskip(id);
    }
    getTaskSkipTimestamp(id) {
      return this.#tasks.skipped()[id] ?? null;
    }
    // ---- Inside
    #look() {
      return sessionOf((key) => this.#box.get(key), Date.now());
    }
    #enter() {
      const { user, username } = this.#session;
      if (user !== GUEST) {
        this.#claims.take(user, this.#guest);
        this.#account = new Account(
          {
            box: this.#box,
            server: this.#server,
            events: this.#sidecar,
            poll_ms: this.#settings.poll_ms,
            claims: this.#claims,
            onChange: () => this.#changed(),
            onSignedOut: (isSignedOut) => this.#signedOut(isSignedOut),
            onRefused: ({ amount, source }, reason) => {
              dispatchEvent(new CustomEvent("axle:refused", { detail: { amount, source, reason } }));
              this.showSyncMessage(`Not carried out: ${amount} (${source}): ${reason}`, 6e3);
            }
          },
          user,
          username ?? ""
        );
        this.#account.start();
      }
      this.#changed();
    }
    /** For pages that show more than the usual places: `addEventListener('axle:balance', …)`. */
    #changed() {
      this.updateBalanceDisplaysSync();
      dispatchEvent(new CustomEvent("axle:balance", { detail: this.#balanceField() }));
    }
    /** The note stays until it is over: who goes on without knowing would take for theirs what nobody has confirmed. */
    #signedOut(isSignedOut) {
      if (!isSignedOut) {
        this.showSyncMessage("Signed in again", 2e3);
        return;
      }
      dispatchEvent(new CustomEvent("axle:signed-out", { detail: { pending: this.netChange } }));
      this.showSyncMessage("Please sign in again. What you have earned and spent since is kept, and counts then.");
    }
    #balanceField() {
      const shown = this.#account === void 0 ? this.#guest.balance() : this.#account.shown;
      return shown === void 0 ? {} : { balance: numberOf(shown) };
    }
  };
  function positive(amount) {
    const units = unitsOf(amount);
    return units === void 0 || units < 0n ? void 0 : units;
  }

  // settings.ts
  var POLL_MS_MIN = 1e3;
  function settingsOf(data, host) {
    const sidecar = baseOf(data.sidecar);
    if (data.writes === "sidecar" && sidecar === void 0)
      throw new Error('unified-balance: data-writes="sidecar" needs data-sidecar');
    const poll_ms = Number(data.pollMs ?? 1e4);
    return {
      api: baseOf(data.api) ?? "/api",
      sidecar,
      writes: data.writes === "sidecar" ? "sidecar" : "php",
      site: data.site ?? host,
      poll_ms: poll_ms >= POLL_MS_MIN ? poll_ms : POLL_MS_MIN
    };
  }
  function baseOf(text) {
    return text === void 0 ? void 0 : text.replace(/\/+$/, "");
  }

  // storage.ts
  var MemoryBox = class {
    #values = /* @__PURE__ */ new Map();
    get(key) {
      return this.#values.get(key) ?? null;
    }
    set(key, value) {
      this.#values.set(key, value);
    }
    remove(key) {
      this.#values.delete(key);
    }
    keys() {
      return [...this.#values.keys()];
    }
  };
  var StorageBox = class {
    /** What could not be stored: it is still sent, as long as the page lives. */
    #beside = new MemoryBox();
    #storage;
    constructor(storage) {
      try {
        this.#storage = storage();
      } catch {
        this.#storage = void 0;
      }
    }
    get(key) {
      return this.#beside.get(key) ?? this.#storage?.getItem(key) ?? null;
    }
    set(key, value) {
      try {
        if (this.#storage === void 0) throw new Error("no storage");
        this.#storage.setItem(key, value);
        this.#beside.remove(key);
      } catch {
        this.#beside.set(key, value);
      }
    }
    remove(key) {
      this.#beside.remove(key);
      this.#storage?.removeItem(key);
    }
    keys() {
      const { length = 0 } = this.#storage ?? {};
      const stored = Array.from({ length }, (_, index) => this.#storage?.key(index) ?? "");
      return [.../* @__PURE__ */ new Set([...stored, ...this.#beside.keys()])];
    }
  };

  // token.ts
  function isTokenOf(user, token, now) {
    const { sub, username, exp } = claimsOf(token);
    return `${String(sub)}-${String(username)}` === user && typeof exp === "number" && exp * 1e3 > now;
  }
  function claimsOf(token) {
    try {
      const [, middle = ""] = token.split(".");
      const bytes = Uint8Array.from(atob(middle.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
      const value = JSON.parse(new TextDecoder().decode(bytes));
      return typeof value === "object" && value !== null ? value : {};
    } catch {
      return {};
    }
  }

  // main.ts
  var TOKEN_KEY = "jwt_token";
  if (window.unifiedBalance === void 0) {
    const box = new StorageBox(() => window.localStorage);
    const given = new URLSearchParams(location.search).get("jwt");
    const settings = settingsOf({ ...document.currentScript?.dataset }, location.hostname);
    if (given !== null) box.set(TOKEN_KEY, given);
    const token = (user) => [window.axleToken?.(), given, box.get(TOKEN_KEY)].find((one) => one && isTokenOf(user, one, Date.now())) ?? void 0;
    const balance = new UnifiedBalance(box, settings, token);
    const updateBalanceDisplays = async () => {
      await balance.getBalance().catch(() => {
      });
      balance.updateBalanceDisplaysSync();
    };
    Object.assign(window, {
      unifiedBalance: balance,
      UnifiedBalance: balance,
      getBalance: () => balance.getBalance(),
      addBalance: (amount, source, description) => balance.addBalance(amount, source, description),
      subtractBalance: (amount, source, description) => balance.subtractBalance(amount, source, description),
      getTerminology: () => balance.getTerminology(),
      updateBalanceDisplays,
      updateCurrencyDisplays: () => balance.updateCurrencyDisplay(),
      checkManipulation: (cost) => balance.checkManipulation(cost)
    });
    balance.start();
    if (document.readyState === "loading")
      document.addEventListener("DOMContentLoaded", () => balance.updateBalanceDisplaysSync());
  }
})();
