// The connection to one other member: who they are by signature, which certificate they use, and what goes out only when proved.

import { b64, sha256, unb64 } from "./bytes.js";
import { commitment, freshNonce, isCommitted, shortString, signBinding, verifyBinding } from "./keys.js";
import { climb, freshLadder, judge, KBPS, LADDER, measure } from "./monitor.js";
import { Post } from "./post.js";

const RESTART_AFTER_MS = 3_000;
const CERTIFICATE_MS = 10_000;
const CANDIDATES_MAX = 64;
const PINNED = { video: ["video/VP8", "video/rtx"], audio: ["audio/opus"] };

export async function makeCertificate() {
  const certificate = await RTCPeerConnection.generateCertificate({ name: "ECDSA", namedCurve: "P-256" });
  const print = certificate.getFingerprints().find(({ algorithm }) => algorithm === "sha-256");
  return { certificate, fingerprint: print.value.toUpperCase() };
}

const colons = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0").toUpperCase()).join(":");

/** The fingerprints that a description claims, and the codecs of its pictures and sound. */
export function claims(sdp) {
  const prints = [...sdp.matchAll(/^a=fingerprint:(\S+) (\S+)\r?$/gm)].map(([, hash, print]) => (hash === "sha-256" ? print.toUpperCase() : "other"));
  const codecs = [...sdp.matchAll(/^a=rtpmap:\d+ ([^/\s]+)/gm)].map(([, name]) => name.toLowerCase());
  return { prints, codecs };
}

/** Reports: `onState(state)`, `onTrack(kind, track)`, `onFailure(what, detail)`, `onSas(sas)`, `onReady()`, `onKey(body)`, `onStuck()`. */
export class Peer {
  state = "meeting";
  senders = new Map();
  counters = new Map();
  #queued = [];
  #before = new Map();
  #since = new Map();
  #ladder = freshLadder();
  #isMaking = false;
  #candidates = 0;
  #end = null;
  #ended = new Promise((done) => { this.#end = done; });

  constructor(given) {
    Object.assign(this, given);
    this.post = new Post({ send: this.send, isOpen: this.isLineOpen, ack: (n) => this.#ack(n) });
    this.run = b64(crypto.getRandomValues(new Uint8Array(8)));
    this.nonce = freshNonce();
    this.sign = unb64(this.member.sign);
    this.sealKey = unb64(this.member.seal);
  }

  // 1. Meeting: commit, reveal, bind. Nothing of media is negotiated before their binding holds.

  async meet() {
    if (this.hasMet) return;
    this.hasMet = true;
    this.post.open({ kind: "open", run: this.run, commit: await commitment(this.nonce) });
  }

  get isOver() { return this.state === "stopped" || this.state === "closed"; }

  async heard(body) {
    if (body.kind === "open") return this.isOver ? undefined : this.#opened(body);
    if (!this.theirRun || body.run !== this.theirRun || body.to_run !== this.run) return;
    this.post.answered();
    if (body.kind === "got") return this.post.got(body.n);
    // They stopped: nothing more goes out. The server could say so too, and gains no more than by cutting the line.
    if (body.kind === "stop") {
      this.#ack(body.n);
      if (this.isOver) return;
      this.post.close();
      this.#finish();
      this.#set("stopped");
      return;
    }
    if (!this.post.takes(body.n) || this.isOver) return;
    if (body.kind === "reveal") return this.#revealed(body);
    if (body.kind === "binding") return this.#bound(body);
    if (!this.theirPrint) return;
    if (body.kind === "key") return this.onKey(body);
    if (body.kind === "description") return this.#described(body.description);
    if (body.kind === "ice") return this.#candidate(body.candidate);
  }

  #say(body) { if (!this.post.put({ ...body, run: this.run, to_run: this.theirRun })) this.onStuck(); }
  #ack(n) { this.send({ kind: "got", n, run: this.run, to_run: this.theirRun }); }
  key(body) { this.#say({ ...body, kind: "key" }); }

  /** False when the connection ended meanwhile: the browser then settles no promise of it, and who waits would wait for ever. */
  #unlessOver(doing) { return Promise.race([doing.then(() => true), this.#ended]); }

  async #opened({ run, commit }) {
    if (this.theirRun) return;
    [this.theirRun, this.theirCommit] = [run, commit];
    await this.meet();
    this.#say({ kind: "reveal", nonce: b64(this.nonce), root: b64(this.keys.nonce) });
  }

  async #revealed({ nonce, root }) {
    if (this.theirNonce) return;
    const bytes = unb64(nonce);
    const isRoot = !this.member.commit || b64(await sha256(unb64(root))) === this.member.commit;
    if (!isRoot || !await isCommitted(bytes, this.theirCommit)) return this.fail("e2ee-failed", "commitment");
    this.theirNonce = bytes;
    this.sas = await shortString(this.visit, { sign: this.keys.signPublic, seal: this.keys.sealPublic, nonce: this.nonce }, { sign: this.sign, seal: this.sealKey, nonce: bytes });
    this.onSas(this.sas);
    const binding = { visit: this.visit, epoch: this.epoch(), role: this.me.role, id: this.me.id, fingerprint: this.own.fingerprint, nonceSelf: this.nonce, noncePeer: bytes };
    this.#say({ kind: "binding", ...await signBinding(this.keys, binding, Date.now()) });
  }

  async #bound(body) {
    if (this.theirPrint || !this.theirNonce) return;
    const { id, role } = this.member;
    const expected = { visit: this.visit, role, id, sign: this.sign, seal: this.sealKey, nonceSelf: this.theirNonce, noncePeer: this.nonce };
    // The epoch may have risen while it travelled, and not by more than a join or two.
    const isNear = Math.abs(body.epoch - this.epoch()) <= 2;
    if (!isNear || !await verifyBinding(body, expected, Date.now())) return this.fail("e2ee-failed", "binding");
    this.theirPrint = body.fingerprint;
    await this.onReady();
    this.#connect();
  }

  // 2. Connecting.

  #connect() {
    const pc = new RTCPeerConnection({ iceServers: this.ice(), certificates: [this.own.certificate], iceTransportPolicy: this.relayOnly ? "relay" : "all", bundlePolicy: "max-bundle" });
    this.pc = pc;
    this.#set("connecting");
    pc.onicecandidate = ({ candidate }) => { if (candidate) this.#say({ kind: "ice", candidate: candidate.toJSON() }); };
    pc.onnegotiationneeded = () => this.#offer();
    pc.ontrack = (event) => this.#arrived(event);
    pc.onconnectionstatechange = () => this.#connection();
    pc.oniceconnectionstatechange = () => this.#connection();
    // The polite side waits for the first offer, so that the usual start has no glare.
    if (!this.isPolite) this.#addMedia();
    this.ticking = setInterval(() => this.checkCertificate(), CERTIFICATE_MS);
  }

  #addMedia() {
    if (this.senders.size) return;
    for (const kind of ["audio", "video"]) {
      const received = this.hooks.sendrecv && this.isPolite && this.pc.getTransceivers().find((one) => one.receiver.track.kind === kind && one.mid !== null);
      if (received) received.direction = "sendrecv";
      const transceiver = received || this.pc.addTransceiver(kind, { direction: this.hooks.sendrecv ? "sendrecv" : "sendonly" });
      const slot = `${this.member.id}/${this.run}/${kind}/send`;
      const options = { slot, side: "send", kind, peer: this.member.id, isRepeating: this.hooks.repeatFrames === true };
      if (!this.hooks.noSendTransform) transceiver.sender.transform = new RTCRtpScriptTransform(this.worker, options);
      if (!received) this.#pin(transceiver, kind);
      const sender = { slot, kind, transceiver, sender: transceiver.sender, isProved: false };
      this.senders.set(kind, sender);
      this.#attach(sender);
    }
  }

  #pin(transceiver, kind) {
    const wanted = RTCRtpReceiver.getCapabilities(kind).codecs.filter(({ mimeType }) => PINNED[kind].includes(mimeType));
    transceiver.setCodecPreferences(wanted);
  }

  /** A clone, so that it can be off for this member while it is on for another. Off until the worker is seen to seal. */
  async #attach(sender) {
    const source = this.tracks()[sender.kind];
    const track = source?.clone() ?? null;
    const old = sender.track;
    sender.track = track;
    if (track) track.enabled = sender.isProved && source.enabled;
    await sender.sender.replaceTrack(track).catch(() => {});
    old?.stop();
  }

  /** Another camera, another microphone, a screen, mute: whatever the call's tracks are now. */
  async refresh(kind, isSameTrack) {
    const sender = this.senders.get(kind);
    if (!sender || this.state === "stopped") return;
    if (isSameTrack && sender.track) sender.track.enabled = sender.isProved && this.tracks()[kind].enabled;
    else await this.#attach(sender);
  }

  async #offer() {
    try {
      this.#isMaking = true;
      await this.pc.setLocalDescription();
      this.#say({ kind: "description", description: this.pc.localDescription.toJSON() });
    } catch { /* the other side's offer is on its way, and the browser asks again */ }
    finally { this.#isMaking = false; }
  }

  async #described(description) {
    const { prints, codecs } = claims(description.sdp ?? "");
    if (!prints.length || prints.some((print) => print !== this.theirPrint)) return this.fail("fingerprint-mismatch", "description");
    if (codecs.some((codec) => !["vp8", "rtx", "opus"].includes(codec))) return this.fail("e2ee-failed", "codec");
    const isGlare = description.type === "offer" && (this.#isMaking || this.pc.signalingState !== "stable");
    this.isIgnoring = !this.isPolite && isGlare;
    if (this.isIgnoring) return;
    if (!await this.#unlessOver(this.pc.setRemoteDescription(description))) return;
    for (const candidate of this.#queued.splice(0)) await this.#unlessOver(this.pc.addIceCandidate(candidate).catch(() => {}));
    if (description.type === "offer") {
      // sendrecv exists as a trap in tests only: there, the answering side must add its media to what was offered.
      if (this.hooks.sendrecv) this.#addMedia();
      if (!await this.#unlessOver(this.pc.setLocalDescription())) return;
      this.#say({ kind: "description", description: this.pc.localDescription.toJSON() });
      this.#addMedia();
    }
    await this.checkCertificate();
  }

  async #candidate(candidate) {
    this.#candidates += 1;
    if (this.#candidates > CANDIDATES_MAX) return;
    if (!this.pc.remoteDescription) this.#queued.push(candidate);
    else await this.#unlessOver(this.pc.addIceCandidate(candidate).catch(() => {}));
  }

  #arrived({ transceiver, receiver, track }) {
    const slot = `${this.member.id}/${this.run}/${track.kind}/recv`;
    receiver.transform = new RTCRtpScriptTransform(this.worker, { slot, side: "recv", kind: track.kind, peer: this.member.id });
    this.#pin(transceiver, track.kind);
    this.receivers = (this.receivers ?? new Map()).set(track.kind, { slot, kind: track.kind, receiver, track });
    this.onTrack(track.kind, track);
  }

  #connection() {
    const { connectionState, iceConnectionState } = this.pc;
    if (connectionState === "connected") {
      clearTimeout(this.restarting);
      this.restarting = null;
      this.connectedMs ??= Date.now();
      this.checkCertificate();
      this.#set("connected");
    } else if (["disconnected", "failed"].includes(connectionState) || iceConnectionState === "disconnected") {
      this.#set("reconnecting");
      this.restarting ??= setTimeout(() => { this.restarting = null; this.restart(); }, connectionState === "failed" ? 0 : RESTART_AFTER_MS);
    }
  }

  /** A new way through the network: with fresh servers, and an offer that does go out. */
  restart() {
    if (!this.pc || this.isOver) return;
    this.#candidates = 0;
    this.pc.setConfiguration({ ...this.pc.getConfiguration(), iceServers: this.ice() });
    this.pc.restartIce();
  }

  // 3. Watching.

  /** The certificate that is in use, whatever the description said. */
  async checkCertificate() {
    const transport = this.pc?.getTransceivers().map(({ sender }) => sender.transport).find((one) => one?.state === "connected");
    const [certificate] = transport?.getRemoteCertificates?.() ?? [];
    if (!certificate) return;
    const print = colons(await sha256(certificate));
    this.certificatesChecked = (this.certificatesChecked ?? 0) + 1;
    if (print !== this.theirPrint) this.fail("fingerprint-mismatch", "certificate");
  }

  /** New counters of the worker: a sender is let on when frames were seen to be sealed for it. */
  counted(counters) {
    for (const one of counters) if (one.peer === this.member.id) this.counters.set(one.slot, one);
    if (this.state !== "connected") return;
    for (const sender of this.senders.values()) {
      if (sender.isProved || !(this.counters.get(sender.slot)?.enc > 0)) continue;
      sender.isProved = true;
      this.worker.postMessage({ task: "gate", slot: sender.slot, isOpen: true });
      this.refresh(sender.kind, true);
    }
  }

  async check() {
    if (!this.pc || !this.connectedMs || this.isOver) return null;
    const reports = await this.pc.getStats();
    for (const report of reports.values()) {
      const side = { "outbound-rtp": "send", "inbound-rtp": "recv" }[report.type];
      if (!side) continue;
      const { kind } = report;
      const slot = `${this.member.id}/${this.run}/${kind}/${side}`;
      const counters = this.counters.get(slot);
      const browser = side === "send" ? report.framesEncoded ?? report.packetsSent : report.framesDecoded ?? report.packetsReceived;
      // Since the first frame, not since the connection: a camera may come late, and the worker's counts come after the browser's.
      if (browser > 0 && !this.#since.has(slot)) this.#since.set(slot, Date.now());
      const aliveMs = Date.now() - (this.#since.get(slot) ?? Date.now());
      const wrong = judge({ side, kind, counters, browser, before: this.#before.get(slot), aliveMs });
      this.#before.set(slot, counters);
      if (wrong) return this.fail("e2ee-failed", wrong);
    }
    const now = measure(reports, this.meter, Date.now());
    this.meter = now;
    this.#ladder = climb(this.#ladder, now);
    if (this.#ladder.reason) await this.#rung();
    return { ...now, rung: LADDER[this.#ladder.level], reason: this.#ladder.reason };
  }

  async #rung() {
    const rung = LADDER[this.#ladder.level];
    const video = this.senders.get("video")?.sender;
    const parameters = video?.getParameters();
    if (!parameters?.encodings?.length) return;
    const height = video.track?.getSettings().height ?? 720;
    const [encoding] = parameters.encodings;
    encoding.active = rung !== "audio";
    if (encoding.active) Object.assign(encoding, { maxBitrate: KBPS[rung] * 1_000, scaleResolutionDownBy: Math.max(1, height / Number(rung)) });
    await video.setParameters(parameters).catch(() => {});
  }

  /** Closed for good: nothing more goes out to this member, and nothing of theirs is shown. */
  fail(what, detail) {
    if (this.isOver) return null;
    this.#finish();
    this.#set("stopped");
    if (this.theirRun) this.post.last({ kind: "stop", run: this.run, to_run: this.theirRun });
    else this.post.close();
    this.onFailure(what, detail);
    return null;
  }

  close() {
    if (this.state === "closed") return;
    this.post.close();
    this.#finish();
    this.#set("closed");
  }

  #finish() {
    this.#end(false);
    clearInterval(this.ticking);
    clearTimeout(this.restarting);
    for (const { slot, sender, track } of this.senders.values()) {
      this.worker.postMessage({ task: "gate", slot, isOpen: false });
      this.worker.postMessage({ task: "drop", slot });
      sender.replaceTrack(null).catch(() => {});
      track?.stop();
    }
    for (const { slot, track } of this.receivers?.values() ?? []) {
      this.worker.postMessage({ task: "drop", slot });
      track.stop();
    }
    this.pc?.close();
  }

  #set(state) {
    if (this.state === state) return;
    this.state = state;
    this.onState(state);
  }
}
