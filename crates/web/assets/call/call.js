// One visit's call: line, keys, roster, connections and talk behind one class. It knows no page; it reports by events.

import { b64, random, unb64 } from "./bytes.js";
import { keyId } from "./frames.js";
import { challengeOf, Gate, keysDigest } from "./gate.js";
import { DeviceKeys, Drawer, openSenderKey, sealSenderKey } from "./keys.js";
import { Media } from "./media.js";
import { CHECK_MS, LADDER } from "./monitor.js";
import { makeCertificate, Peer } from "./peer.js";
import { LISTED_GRACE_MS, Roster, signRoster } from "./roster.js";
import { Signal, webSocket } from "./signal.js";
import { Talk } from "./talk.js";

const HOST = "clinician";
const SWITCH_MS = 300;
// A phone call, or a page that is put to sleep: said to the others as what it is.
const ON_HOLD = "on-hold";
// Timers that were silent for so long stood still: a page that was put to sleep, whether it was told so or not.
const SLEPT_MS = 10_000;
const BANNERS = {
  "fingerprint-mismatch": "The connection is not to the person it claims. It was stopped.",
  "e2ee-failed": "End-to-end encryption could not be kept. Sound and picture to this person were stopped.",
  "roster-forged": "The server sent a list of participants that the host did not sign. It was ignored.",
  ghost: "The server lists someone whom the host did not admit. Nothing is sent to them.",
  "passkey-mismatch": "The passkey signed other keys than those that came here. Somebody may stand between you. They were not let in.",
  "sas-refused": "The words did not match. The connection was stopped.",
};

// The one script address that this module makes: the policy lets nothing else through.
const WORKER = new URL("./frame-worker.js", import.meta.url).href;
const policy = globalThis.trustedTypes?.createPolicy("wardstone-visit", {
  createScriptURL(url) {
    if (url !== WORKER) throw new TypeError("not the frame worker");
    return url;
  },
});

/**
 * `place`: whose place in the visit this is, so that two people at one browser keep their keys apart.
 * Events (all with `detail`): `state` {call, who?, peer?, late?}, `track` {who, kind, stream}, `banner` {what, detail, who, text},
 * `sas` {who, emoji, digits, isConfirmed}, `roster` {epoch, members}, `present` [...], `chat` {from, text | file}, `caption` {from, text},
 * `notice` {from, what}, `file` {from, id, name, size, received, chunks}, `meter` {who, ...}, `said` {from, state}.
 */
export class Call extends EventTarget {
  peers = new Map();
  media = new Media();
  gate = new Gate();
  present = [];
  #ice = [];
  #queue = Promise.resolve();
  #alarms = new Set();
  #heldKeys = new Map();
  #earlyKeys = new Map();
  #mine = new Set();
  #toldUpTo = 0;
  #wasAway = false;
  #sender = null;
  #ghostTimer = null;
  #lowered = new Map();
  #toldSame = new Set();
  #isAsleep = false;
  #checkedMs = 0;

  /** `hooks` exist for tests that make things go wrong; none of them makes a check weaker. */
  constructor({ visit, place, url, connect, ticket, relayOnly = false, hooks = {} }) {
    super();
    Object.assign(this, { visit, shelf: place ? `${visit}/${place}` : visit, connect: connect ?? webSocket(url), ticket, relayOnly, hooks });
  }

  #tell(name, detail) { this.dispatchEvent(new CustomEvent(name, { detail })); }

  async join() {
    if (!("RTCRtpScriptTransform" in globalThis)) throw new Error("this browser cannot encrypt frames");
    this.drawer = await Drawer.open();
    this.keys = await DeviceKeys.of(this.shelf, this.drawer);
    this.own = await makeCertificate();
    this.worker = new Worker(policy ? policy.createScriptURL(WORKER) : WORKER, { type: "module" });
    this.worker.onmessage = ({ data }) => { if (data.counters) this.#counted(data.counters); };
    this.media.addEventListener("changed", ({ detail }) => this.#mediaChanged(detail));
    this.media.addEventListener("taken", () => { if (this.me && this.roster?.find(this.me.id)) this.#tellState(); });
    this.signal = new Signal({ connect: this.connect, ticket: this.ticket, keys: this.keys.public });
    this.signal.addEventListener("message", ({ detail }) => this.#inOrder(() => this.#heard(detail)));
    this.signal.addEventListener("line", ({ detail }) => this.#line(detail));
    this.#checkedMs = Date.now();
    this.checking = setInterval(() => this.#check(), CHECK_MS);
    this.signal.open();
  }

  /** One message after the other, although each may wait for a signature to be checked. */
  #inOrder(step) {
    this.#queue = this.#queue.then(step).catch((error) => this.#tell("state", { call: "trouble", why: String(error?.message ?? error) }));
    return this.#queue;
  }

  get isHost() { return this.me?.role === HOST; }

  // What the server says.

  async #heard(message) {
    const { type, from } = message;
    if (type === "welcome") return this.#welcomed(message);
    if (type === "waiting") {
      this.#putOut();
      return this.#tell("state", { call: "waiting", place: message.place, late: message.late_minutes });
    }
    if (type === "present") return this.#listed(message.members);
    if (type === "roster") return this.#rostered(message);
    if (type === "risk") return this.#risked(message);
    if (type === "ice") { this.#ice = message.servers; return; }
    if (type === "ended" || type === "removed") return this.#over(type, message.reason);
    if (type === "error") return this.#tell("state", { call: "error", code: message.code });
    if (!this.#isMember(from)) return;
    if (type === "signal") return this.#signalled(from, message.body);
    if (type === "say") return this.#told(message);
    if (type === "state") return this.#tell("said", { from, state: message });
  }

  /** After a line was cut the server says again what was said, by number: what was heard already is no replay. */
  async #told({ from, n, box }) {
    if (n <= this.#toldUpTo) return;
    if (Number.isSafeInteger(n)) this.#toldUpTo = n;
    await this.talk.heard(from, JSON.parse(box), this.roster.find(from).sign);
  }

  /** Whoever is heard through the server must be in the roster that the host signed. */
  #isMember(from) {
    if (from === this.me?.id) return false;
    if (this.roster?.find(from)) return true;
    // Whoever is not in yet holds no roster of theirs to judge by, and answers nobody.
    if (this.roster?.find(this.me.id) && !this.roster.leftLately(from, Date.now())) this.#alarm("ghost", "signal", from);
    return false;
  }

  async #welcomed({ you, role, ice, relay_only: relayOnly, high_risk: highRisk }) {
    this.#ice = ice ?? [];
    this.gate.welcome(highRisk === true);
    this.#toldSame.clear();
    this.relayOnly ||= relayOnly === true;
    if (this.me?.id === you) { this.#wasAway = true; return; }
    this.me = { id: you, role };
    this.talk = new Talk({ visit: this.visit, me: you, keys: this.keys, send: (box) => this.signal.send({ type: "say", box: JSON.stringify(box) }), rested: () => this.signal.rested() });
    this.talk.addEventListener("said", ({ detail }) => this.#tell("chat", detail));
    this.talk.addEventListener("captioned", ({ detail }) => this.#tell("caption", detail));
    this.talk.addEventListener("progress", ({ detail }) => this.#tell("file", detail));
    // Of what becomes of the words of all, the host alone tells.
    this.talk.addEventListener("noticed", ({ detail }) => { if (this.roster.find(detail.from)?.role === HOST) this.#tell("notice", detail); });
    this.talk.addEventListener("refused", ({ detail }) => this.#alarm("e2ee-failed", `talk-${detail}`));
    this.#tell("state", { call: "joined", me: this.me });
    if (this.isHost) await this.#hostStarts();
  }

  async #listed(members) {
    this.present = members;
    this.#tell("present", members);
    if (this.isHost) {
      const gone = this.roster.members.filter(({ id }) => id !== this.me.id && !members.some((one) => one.id === id));
      if (gone.length) await this.#resign(this.roster.members.filter((member) => !gone.includes(member)));
      const [changed] = this.roster.members.filter((member) => members.some(({ id, keys }) => id === member.id && keys.sign !== member.sign));
      if (changed) this.#alarm("roster-forged", "keys-changed", changed.id);
    } else await this.#pinHost(members);
    clearTimeout(this.#ghostTimer);
    this.#ghostTimer = setTimeout(() => {
      if (this.roster?.find(this.me.id)) for (const id of this.roster.ghosts(this.present)) if (id !== this.me.id) this.#alarm("ghost", "listed", id);
    }, LISTED_GRACE_MS);
  }

  async #pinHost(members) {
    const host = members.find(({ role, keys }) => role === HOST && keys);
    if (!host) return;
    const pinned = await this.drawer.get(this.shelf, "host");
    if (pinned && pinned !== host.keys.sign) { this.#alarm("roster-forged", "host-key", host.id); return; }
    if (!pinned) await this.drawer.put(this.shelf, "host", host.keys.sign);
    this.roster ??= new Roster(this.visit, host.keys.sign);
    const isIn = members.some(({ id, admitted }) => id === this.me.id && admitted);
    if (isIn && (!this.roster.epoch || this.#wasAway)) this.signal.send({ type: "signal", to: host.id, body: { kind: "roster-please" } });
  }

  async #rostered(message) {
    if (this.isHost) {
      // What this device itself signed may come back; nothing else may.
      if (!this.#mine.has(message.signature)) this.#alarm("roster-forged", "not-mine", message.from);
      return;
    }
    if (!this.roster) { this.#alarm("roster-forged", "no-host"); return; }
    // Whoever is not in yet may have been told of no epoch, or of some: the one that lets them in may skip.
    const maySkip = this.#wasAway || !this.roster.find(this.me.id);
    const changed = await this.roster.take(message, Date.now(), maySkip);
    if (changed.refused) { this.#alarm("roster-forged", changed.refused); return; }
    this.#wasAway = false;
    const mine = this.roster.find(this.me.id);
    if (mine && mine.sign !== this.keys.public.sign) { this.#alarm("roster-forged", "my-key"); return; }
    if (!changed.isSame) await this.#changed(changed);
  }

  // What the host does.

  async #hostStarts() {
    this.roster = new Roster(this.visit, this.keys.public.sign);
    const kept = await this.drawer.get(this.shelf, "roster");
    if (kept) {
      await this.roster.take(kept, Date.now(), true);
      this.#mine.add(kept.signature);
    }
    // Not oneself, nor as whom one was here before.
    const others = this.roster.members.filter(({ id, sign }) => id !== this.me.id && sign !== this.keys.public.sign);
    this.roster.members = [];
    await this.#resign([{ ...this.me, sign: this.keys.public.sign, seal: this.keys.public.seal }, ...others]);
  }

  async #resign(members) {
    const message = await signRoster(this.keys, this.visit, this.roster.epoch + 1, members);
    const changed = await this.roster.take(message, Date.now());
    this.lastRoster = message;
    this.#mine.add(message.signature);
    await this.drawer.put(this.shelf, "roster", message);
    this.signal.send({ type: "roster", ...message });
    await this.#changed(changed);
  }

  admit(who) {
    return this.#inOrder(async () => {
      const one = this.present.find(({ id }) => id === who);
      if (!this.isHost || !one?.keys || this.roster.find(who)) return;
      if (!await this.gate.lets(this.visit, { id: who, role: one.role, ...one.keys })) {
        if (this.gate.hasVouched(who)) this.#alarm("passkey-mismatch", "keys", who);
        return;
      }
      this.signal.send({ type: "admit", who });
      await this.#resign([...this.roster.members, { id: who, role: one.role, sign: one.keys.sign, seal: one.keys.seal }]);
    });
  }

  remove(who) {
    return this.#inOrder(async () => {
      if (!this.isHost || !this.roster.find(who)) return;
      this.signal.send({ type: "remove", who });
      await this.#resign(this.roster.members.filter(({ id }) => id !== who));
    });
  }

  hold(who) {
    return this.#inOrder(async () => {
      if (!this.isHost || !this.roster.find(who)) return;
      this.signal.send({ type: "hold", who });
      await this.#resign(this.roster.members.filter(({ id }) => id !== who));
    });
  }

  /** Who was in and waits again hears no roster until they are let in: nothing flows, and the next one may be of any epoch. */
  #putOut() {
    if (!this.roster?.find(this.me?.id)) return;
    for (const id of [...this.peers.keys()]) this.#part(id);
    this.#wasAway = true;
  }

  lock(on) { this.signal.send({ type: "lock", on }); }
  end() { this.signal.send({ type: "end" }); }

  // What a new epoch means: other connections, and other keys.

  async #changed({ left }) {
    for (const { id } of left) this.#part(id);
    this.#tell("roster", { epoch: this.roster.epoch, members: this.roster.members });
    const isIn = this.roster.find(this.me.id);
    if (!isIn) { for (const id of [...this.peers.keys()]) this.#part(id); return; }
    await this.#rotate();
    this.#tellState();
    // Not only who joined just now: while this device waited, others were in already.
    for (const member of this.roster.members) {
      if (member.id !== this.me.id && !this.peers.has(member.id)) await this.#meet(member).meet();
    }
    // The signed list may come after what it let a member say.
    for (const [from, body] of [...this.#earlyKeys]) {
      this.#earlyKeys.delete(from);
      if (this.peers.get(from)?.isOver === false) await this.#takeKey(from, body);
    }
  }

  #part(id) {
    this.peers.get(id)?.close();
    this.peers.delete(id);
    this.#heldKeys.delete(id);
    this.#earlyKeys.delete(id);
    this.#lowered.delete(id);
    this.worker.postMessage({ task: "forget", peer: id });
  }

  async #rotate() {
    const isFirst = this.#sender === null;
    const sender = { base: random(32), epoch: this.roster.epoch, kid: keyId(this.roster.epoch, this.roster.index(this.me.id)) };
    this.#sender = sender;
    await this.talk.useMine(sender.base);
    for (const peer of this.peers.values()) if (peer.theirPrint && peer.state !== "stopped") await this.#giveKey(peer);
    const use = () => { if (this.#sender === sender) this.worker.postMessage({ task: "send", base: sender.base, kid: sender.kid }); };
    // Those who stay get a moment to receive the new key, so that no frame arrives before it.
    if (isFirst) use();
    else setTimeout(use, SWITCH_MS);
  }

  async #giveKey(peer) {
    const { member } = peer;
    const { base, epoch, kid } = this.#sender;
    const path = { visit: this.visit, epoch, from: this.me.id, to: member.id, kid };
    const given = this.hooks.wrongSenderKey ? random(32) : base;
    const body = await sealSenderKey(this.keys, path, unb64(member.seal), given);
    peer.key(body);
  }

  async #takeKey(from, body) {
    const member = this.roster.find(from);
    const opened = await openSenderKey(this.keys, { visit: this.visit, from, to: this.me.id }, unb64(member.sign), body);
    const isTheirs = opened && opened.kid === keyId(opened.epoch, this.roster.index(from));
    if (!opened || (opened.epoch === this.roster.epoch && !isTheirs)) { this.peers.get(from)?.fail("e2ee-failed", "sender-key"); return; }
    const base = b64(opened.base);
    if (opened.epoch > this.roster.epoch) this.#earlyKeys.set(from, body);
    // Of an epoch that has passed, or the same key again, which must not begin its counters anew.
    if (opened.epoch !== this.roster.epoch || this.#heldKeys.get(from) === base) return;
    this.#heldKeys.set(from, base);
    this.worker.postMessage({ task: "receive", peer: from, base: opened.base, kid: opened.kid });
    await this.talk.useTheirs(from, opened.base);
  }

  // The others.

  #meet(member) {
    const { commit } = this.present.find(({ id, keys }) => id === member.id && keys?.sign === member.sign)?.keys ?? {};
    const stream = new MediaStream();
    const peer = new Peer({
      member: { ...member, commit },
      me: this.me,
      visit: this.visit,
      keys: this.keys,
      own: this.own,
      worker: this.worker,
      hooks: this.hooks,
      relayOnly: this.relayOnly,
      // The host is never polite; between others the id decides.
      isPolite: member.role === HOST || (!this.isHost && this.me.id > member.id),
      epoch: () => this.roster.epoch,
      ice: () => this.#ice,
      tracks: () => (this.isOpen ? this.media.tracks : { audio: this.media.tracks.audio, video: null }),
      send: (body) => this.signal.send({ type: "signal", to: member.id, body }),
      onState: (state) => this.#tell("state", { call: "peer", who: member.id, peer: state }),
      onTrack: (kind, track) => {
        stream.addTrack(track);
        this.#tell("track", { who: member.id, kind, stream });
      },
      onSas: async (sas) => {
        const isConfirmed = await this.drawer.get(this.shelf, `sas/${member.id}`) === member.sign;
        if (isConfirmed) this.#same(member);
        this.#tell("sas", { who: member.id, ...sas, isConfirmed });
      },
      isLineOpen: () => this.signal.isOpen,
      onReady: () => this.#giveKey(peer),
      onKey: (body) => this.#takeKey(member.id, body),
      onStuck: () => this.#inOrder(() => this.#anew(peer)),
      onFailure: (what, detail) => {
        this.#alarm(what, detail, member.id);
        // What is said from now on, in words too, is not for a member with whom something was wrong.
        this.#inOrder(() => this.#rotate());
      },
    });
    this.peers.set(member.id, peer);
    return peer;
  }

  async #signalled(from, body) {
    if (body?.kind === "roster-please") {
      if (this.isHost) this.signal.send({ type: "signal", to: from, body: { kind: "roster", roster: this.lastRoster } });
      return;
    }
    if (body?.kind === "roster") { if (!this.isHost) await this.#rostered(body.roster); return; }
    let peer = this.peers.get(from);
    // Their page was loaded anew: another meeting, and another connection.
    if (body?.kind === "open" && peer?.theirRun && peer.theirRun !== body.run && peer.state !== "stopped") {
      peer = this.#again(peer);
    }
    await peer?.heard(body);
  }

  /** Another meeting with the same member, in place of this one. */
  #again(peer) {
    const { id } = peer.member;
    peer.close();
    this.#heldKeys.delete(id);
    return this.#meet(this.roster.find(id));
  }

  async #anew(peer) {
    if (this.peers.get(peer.member.id) === peer && !peer.isOver) await this.#again(peer).meet();
  }

  // Watching, and saying what was seen.

  #counted(counters) {
    this.counters = counters;
    for (const peer of this.peers.values()) peer.counted(counters);
  }

  async #check() {
    if (this.#hasSlept()) { this.#awake(); return; }
    for (const [who, peer] of this.peers) {
      const meter = await peer.check();
      if (!meter) continue;
      this.#tell("meter", { who, ...meter });
      if (meter.reason) this.#lower(who, meter);
      if (meter.reason && meter.rung === "audio") this.signal.send({ type: "event", what: "switched-to-audio", detail: meter.reason });
    }
  }

  #alarm(what, detail, who = null) {
    const place = `${what}/${detail}/${who}`;
    if (this.#alarms.has(place)) return;
    this.#alarms.add(place);
    this.signal.send({ type: "event", what, detail: who ? `${detail} ${who}` : detail });
    this.#tell("banner", { what, detail, who, text: BANNERS[what] });
  }

  #line(line) {
    this.#tell("state", { call: "line", line });
    if (line === "stuck") return;
    if (line === "open" && this.wasLost) this.signal.send({ type: "event", what: "reconnected", detail: "line" });
    this.wasLost = line === "away";
    if (line === "open") for (const peer of this.peers.values()) peer.post.repeat();
  }

  /** What two people found when they read the words to each other. */
  async confirmSas(who, isSame) {
    const peer = this.peers.get(who);
    if (!peer?.sas) return;
    if (!isSame) { peer.fail("sas-refused", "words"); return; }
    await this.drawer.put(this.shelf, `sas/${who}`, peer.member.sign);
    this.#toldSame.delete(who);
    this.#same(peer.member);
  }

  // A visit of high risk.

  /** In a visit of high risk sound alone flows, and no message, until both sides said that the words are the same. */
  get isOpen() { return this.gate.isOpen(this.me, this.roster?.members ?? []); }

  /** The server is told once on each line: after a restart it knows nothing of it. */
  #same(member) {
    this.gate.said(member);
    if (!this.#toldSame.has(member.id)) {
      this.#toldSame.add(member.id);
      this.signal.send({ type: "event", what: "sas-confirmed", detail: member.id });
    }
    this.#regate();
  }

  async #risked(message) {
    this.gate.take(message);
    if (this.isHost && this.roster) {
      const staying = [];
      for (const member of this.roster.members) if (member.id === this.me.id || await this.gate.lets(this.visit, member)) staying.push(member);
      // Whom it does not let in gets no keys from now on, whatever the server does.
      if (staying.length < this.roster.members.length) await this.#resign(staying);
    }
    this.#regate();
    this.#tell("risk", message);
  }

  #regate() {
    for (const peer of this.peers.values()) peer.refresh("video", false);
    this.#tell("gate", { isOpen: this.isOpen });
  }

  /** Before a passkey signs: whether the challenge is of this device's own keys, and not of some that were put in between. */
  async isOfMyKeys(nonce, challenge) {
    const { sign, seal } = this.keys.public;
    return challenge === await challengeOf(unb64(nonce), await keysDigest(this.visit, { id: this.me.id, sign, seal }));
  }

  // This person's own sound and picture.

  #mediaChanged({ kind, isSameTrack }) {
    for (const peer of this.peers.values()) peer.refresh(kind, isSameTrack);
    if (this.me && this.roster?.find(this.me.id)) this.#tellState();
  }

  /** Why the picture to somebody is smaller than it was asked for, until it is not. */
  #lower(who, { rung, reason }) {
    const before = this.#lowered.get(who);
    if (rung === LADDER[0]) this.#lowered.delete(who);
    else this.#lowered.set(who, { rung, reason: reason === "recovered" ? before?.reason ?? "bandwidth" : reason });
    this.#tellState();
  }

  /** What the others see beside this person's name: the least that any of them gets, and why. */
  #tellState() {
    const { audio: isSoundWanted, video: isWanted } = this.media.isOn;
    const { taken } = this.media;
    // Sound that the system took is not the same as sound that somebody muted.
    const isOnHold = this.#isAsleep || isSoundWanted && taken.includes("audio");
    const audio = isSoundWanted && !isOnHold;
    const video = isWanted && this.media.tracks.video !== null && !this.#isAsleep && !taken.includes("video");
    const [least] = [...this.#lowered.values()].sort((a, b) => LADDER.indexOf(b.rung) - LADDER.indexOf(a.rung));
    const isSoundAlone = !video || least?.rung === "audio";
    this.signal.send({ type: "state", audio, video, screen: this.media.isSharing, modality: isSoundAlone ? "audio" : "video", reason: isOnHold ? ON_HOLD : video && least ? least.reason : "chosen" });
  }

  /** The page is put to sleep: the last thing that it can say. */
  sleep() {
    this.#isAsleep = true;
    if (this.me && this.roster?.find(this.me.id)) this.#tellState();
  }

  /** And is awake again: line and connections are looked at now. */
  wake() {
    this.signal?.wake();
    if (this.#hasSlept()) this.#awake();
    else for (const peer of this.peers.values()) if (peer.state === "reconnecting") peer.restart();
  }

  #hasSlept() {
    const nowMs = Date.now();
    const hasSlept = this.#isAsleep || nowMs - this.#checkedMs > SLEPT_MS;
    this.#checkedMs = nowMs;
    return hasSlept;
  }

  /**
   * What the browser counted while the page slept and what the worker counts when it wakes are of different moments, and what waited there is
   * stale. So nothing of it is judged or sent: everybody is met anew, as after a page that was loaded anew, and proves themselves anew.
   */
  #awake() {
    this.#isAsleep = false;
    return this.#inOrder(async () => {
      for (const peer of [...this.peers.values()]) await this.#anew(peer);
      if (this.me && this.roster?.find(this.me.id)) this.#tellState();
    });
  }

  useMedia(stream) { this.media.use(stream); }
  mute(isMuted) { this.media.microphone(!isMuted); }
  camera(isOn) { this.media.camera(isOn); }
  device(kind, deviceId) { return this.media.device(kind, deviceId); }
  flip() { return this.media.flip(); }
  shareScreen() { return this.media.shareScreen(); }
  stopScreen() { this.media.stopScreen(); }
  restartMedia() { return this.media.restart(); }

  #mustBeOpen() { if (!this.isOpen) throw new Error("Read the words to each other first: messages follow when both say that they are the same."); }
  say(words) { this.#mustBeOpen(); return this.talk.say(words); }
  caption(words) { return this.isOpen ? this.talk.caption(words) : undefined; }
  notice(what) { return this.talk.notice(what); }
  sendFile(name, bytes, onProgress) { this.#mustBeOpen(); return this.talk.sendFile(name, bytes, onProgress); }

  /** Gone for good, unlike a page that is closed or loaded anew: what this device kept of the visit goes too, but for a host's keys. */
  async leave() {
    this.signal.close();
    await this.#over("left");
  }

  async #over(how, reason) {
    clearInterval(this.checking);
    clearTimeout(this.#ghostTimer);
    for (const id of [...this.peers.keys()]) this.#part(id);
    this.media.stop();
    this.worker.terminate();
    // A host who left and opens the room again is the same to who is still in it: only the keys say so.
    if (!this.isHost || how !== "left") await this.drawer.forget(this.shelf);
    this.#tell("state", { call: how, reason });
  }
}
