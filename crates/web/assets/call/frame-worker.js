// The worker through which every frame goes, out and in. What it cannot seal or open it drops; it never passes plaintext on.

import { ReceiveKeys, SendKey } from "./frames.js";

const REPORT_MS = 200;
const KEYFRAME_GAP_MS = 1_000;
const CODECS = { "video/vp8": "video", "audio/opus": "audio" };

const sending = new SendKey();
const receiving = new Map();
const slots = new Map();

function keysOf(peer) {
  if (!receiving.has(peer)) receiving.set(peer, new ReceiveKeys());
  return receiving.get(peer);
}

/** Counters of one sender or receiver. Sound and picture of one person have a slot each. */
function slotOf({ slot, side, kind, peer, isRepeating, isTapped }) {
  const fresh = { isRepeating, isTapped, slot, side, kind, peer, isOpen: false, seen: 0, enc: 0, passed: 0, dec: 0, decErr: 0, replay: 0, again: 0, noKey: 0, codec: 0, askedMs: 0 };
  slots.set(slot, fresh);
  return fresh;
}

function isPinned(kind, frame) {
  const { mimeType } = frame.getMetadata();
  return !mimeType || CODECS[mimeType.toLowerCase()] === kind;
}

/** Stream and moment, by which a frame that the browser hands over twice is known. Null where a browser tells neither. */
function placeOf(frame) {
  const { synchronizationSource: stream, rtpTimestamp: moment = frame.timestamp } = frame.getMetadata();
  return stream === undefined || moment === undefined ? null : `${stream}/${moment}`;
}

async function seal(at, frame, out) {
  at.seen += 1;
  if (!isPinned(at.kind, frame)) { at.codec += 1; return; }
  // For the test that looks for frames in clear elsewhere: to this device's own page, which made them, and to nobody else.
  if (at.isTapped) self.postMessage({ tapped: at.kind, frame: frame.data.slice() });
  const sealed = await sending.seal(at.kind, new Uint8Array(frame.data));
  if (!sealed) { at.noKey += 1; return; }
  at.enc += 1;
  // Proved but not yet opened: the page first sees that frames do come through here.
  if (!at.isOpen) return;
  // For the test of replays: every second frame carries again what the one before it carried, sealed as it was.
  const repeated = at.isRepeating && at.passed % 2 === 1 ? at.last : sealed;
  if (at.isRepeating) at.last = sealed.slice();
  frame.data = repeated.buffer;
  out.enqueue(frame);
  at.passed += 1;
}

async function open(at, frame, out, transformer) {
  at.seen += 1;
  if (!isPinned(at.kind, frame)) { at.codec += 1; return; }
  const bytes = new Uint8Array(frame.data);
  const { frame: plain, refused } = await keysOf(at.peer).open(at.kind, bytes, Date.now(), placeOf(frame));
  if (plain) {
    at.dec += 1;
    frame.data = plain.buffer;
    out.enqueue(frame);
    return;
  }
  if (refused === "no-key") at.noKey += 1;
  else if (refused === "replay") at.replay += 1;
  else if (refused === "again") at.again += 1;
  else at.decErr += 1;
  if (at.kind === "video" && !["replay", "again"].includes(refused) && Date.now() - at.askedMs > KEYFRAME_GAP_MS) {
    at.askedMs = Date.now();
    transformer.sendKeyFrameRequest?.()?.catch(() => {});
  }
}

self.onrtctransform = ({ transformer }) => {
  const at = slotOf(transformer.options);
  const step = at.side === "send" ? seal : open;
  at.transformer = transformer;
  const through = new TransformStream({ transform: (frame, out) => step(at, frame, out, transformer) });
  transformer.readable.pipeThrough(through).pipeTo(transformer.writable).catch(() => {});
};

const tasks = {
  async send({ base, kid }) {
    await sending.use(base, kid);
    for (const at of slots.values()) {
      if (at.side === "send" && at.kind === "video" && at.isOpen) at.transformer.generateKeyFrame?.().catch(() => {});
    }
  },
  receive({ peer, base, kid }) { return keysOf(peer).add(base, kid, Date.now()); },
  forget({ peer }) { receiving.get(peer)?.clear(); receiving.delete(peer); },
  gate({ slot, isOpen }) {
    const at = slots.get(slot);
    if (!at) return;
    at.isOpen = isOpen;
    // The first frames were dropped, so the receiver needs a picture that stands alone.
    if (isOpen && at.kind === "video") at.transformer.generateKeyFrame?.().catch(() => {});
  },
  drop({ slot }) { slots.delete(slot); },
};

self.onmessage = async ({ data }) => {
  await tasks[data.task]?.(data);
  if (data.id) self.postMessage({ done: data.id });
};

setInterval(() => {
  const counters = [...slots.values()].map(({ transformer, last, isRepeating, isTapped, ...counted }) => counted);
  self.postMessage({ counters });
}, REPORT_MS);
