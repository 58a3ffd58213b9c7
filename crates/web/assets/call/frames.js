// Frames of sound and picture, sealed one by one (RFC 9605, SFrame): header, key derivation, counters, and what is refused.
// Pure: no worker and no connection, so that a test can hold it in its hand.

import { concat, derive, number, utf8 } from "./bytes.js";

/** AES_256_GCM_SHA512_128 is what visits use; AES_128_GCM_SHA256_128 has the better known vectors. */
export const SUITES = {
  4: { id: 4, keySize: 16, hash: "SHA-256" },
  5: { id: 5, keySize: 32, hash: "SHA-512" },
};
export const SUITE = 5;
export const OLD_KEY_MS = 10_000;
const KEYS_PER_SENDER_MAX = 4;
const WINDOW = 2048n;
const COUNTER_MAX = 1n << 40n;
const TAG_SIZE = 16;
const KINDS = { audio: 1, video: 2 };

/** Key id: the epoch, and the member's place in the roster of that epoch (RFC 9605, 5.2). */
export function keyId(epoch, index) { return (BigInt(epoch) << 4n) | BigInt(index); }

export async function deriveKey(base, kid, suite = SUITE) {
  const { keySize, hash, id } = SUITES[suite];
  const label = (word) => concat(utf8(word), number(kid, 8), number(id, 2));
  const raw = await derive(base, new Uint8Array(0), label("SFrame 1.0 Secret key "), keySize, hash);
  const salt = await derive(base, new Uint8Array(0), label("SFrame 1.0 Secret salt "), 12, hash);
  return { kid, salt, key: await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]) };
}

function shortest(value) {
  let size = 1;
  while (value >> BigInt(8 * size)) size += 1;
  return number(value, size);
}

export function header(kid, counter) {
  const half = (value) => (value < 8n ? [Number(value), new Uint8Array(0)] : [8 | (shortest(value).length - 1), shortest(value)]);
  const [k, kidBytes] = half(BigInt(kid));
  const [c, counterBytes] = half(BigInt(counter));
  return concat(Uint8Array.of((k << 4) | c), kidBytes, counterBytes);
}

export function parseHeader(bytes) {
  if (!bytes.length) return null;
  let at = 1;
  const half = (nibble) => {
    if (!(nibble & 8)) return BigInt(nibble);
    let value = 0n;
    for (const end = at + (nibble & 7) + 1; at < end; at += 1) value = (value << 8n) | BigInt(bytes[at] ?? 0);
    return value;
  };
  const kid = half(bytes[0] >> 4);
  const counter = half(bytes[0] & 15);
  return at > bytes.length ? null : { kid, counter, size: at };
}

function nonce(salt, counter) {
  const bytes = number(counter, 12);
  for (let at = 0; at < 12; at += 1) bytes[at] ^= salt[at];
  return bytes;
}

/** What packetizers must be able to read: VP8's frame tag (and a keyframe's size), Opus' first byte. */
export function clearSize(kind, frame) {
  if (kind === "audio") return Math.min(1, frame.length);
  return Math.min(frame.length && (frame[0] & 1) === 0 ? 10 : 3, frame.length);
}

/** `held` is what deriveKey gave. The header and the clear bytes are authenticated, and the kind with them. */
export async function sealFrame(held, counter, kind, frame) {
  const clear = frame.subarray(0, clearSize(kind, frame));
  const head = header(held.kid, counter);
  const aad = concat(head, Uint8Array.of(KINDS[kind]), clear);
  const iv = nonce(held.salt, counter);
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: aad }, held.key, frame.subarray(clear.length));
  return concat(clear, head, sealed);
}

/** RFC 9605 itself, with metadata as AAD after the header: what the RFC's vectors describe. */
export async function sealPlain(held, counter, metadata, plain) {
  const head = header(held.kid, counter);
  const iv = nonce(held.salt, counter);
  return concat(head, await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: concat(head, metadata) }, held.key, plain));
}

/** The key that this device sends under. One counter for all that is sent under it, to whomever. */
export class SendKey {
  #held = null;
  #counter = 0n;

  async use(base, kid) {
    const held = await deriveKey(base, kid);
    this.#held = held;
    this.#counter = 0n;
  }

  get isHeld() { return this.#held !== null && this.#counter < COUNTER_MAX; }

  /** Null while no key is held: the caller drops the frame. */
  async seal(kind, frame) {
    if (!this.isHeld) return null;
    const counter = this.#counter;
    this.#counter += 1n;
    return sealFrame(this.#held, counter, kind, frame);
  }
}

/** Counters that were seen under one key: each opens once, and none that is far behind. */
export class Window {
  #top = -1n;
  #seen = new Map();

  admits(counter) {
    return counter > this.#top || (this.#top - counter < WINDOW && !this.#seen.has(counter));
  }

  /** The same frame of the same stream, which the browser hands over for each copy of its packet (padding by RTX, RFC 4588). */
  isAgain(counter, place) { return place !== null && this.#seen.get(counter) === place; }

  note(counter, place = null) {
    this.#seen.set(counter, place);
    if (counter <= this.#top) return;
    this.#top = counter;
    if (this.#seen.size > 2 * Number(WINDOW)) {
      for (const old of this.#seen.keys()) if (this.#top - old >= WINDOW) this.#seen.delete(old);
    }
  }
}

/** Keys of one other member, by key id. Those before the newest open for ten more seconds. */
export class ReceiveKeys {
  #keys = new Map();

  async add(base, kid, nowMs) {
    const held = await deriveKey(base, kid);
    for (const old of this.#keys.values()) old.untilMs = Math.min(old.untilMs, nowMs + OLD_KEY_MS);
    this.#keys.delete(kid);
    this.#keys.set(kid, { held, window: new Window(), untilMs: Infinity });
    while (this.#keys.size > KEYS_PER_SENDER_MAX) this.#keys.delete(this.#keys.keys().next().value);
  }

  clear() { this.#keys.clear(); }

  /**
   * `{frame}` or `{refused}`: no-key, replay, again, forged or short. `place` names the stream and the moment of the frame, as
   * the browser says: a counter opens once, and what comes again from another place is somebody's doing.
   */
  async open(kind, sealed, nowMs, place = null) {
    const clear = sealed.subarray(0, clearSize(kind, sealed));
    const head = parseHeader(sealed.subarray(clear.length));
    if (!head || sealed.length < clear.length + head.size + TAG_SIZE) return { refused: "short" };
    const entry = this.#keys.get(head.kid);
    if (!entry || entry.untilMs <= nowMs) return { refused: "no-key" };
    const twice = () => ({ refused: entry.window.isAgain(head.counter, place) ? "again" : "replay" });
    if (!entry.window.admits(head.counter)) return twice();
    const body = sealed.subarray(clear.length + head.size);
    const aad = concat(sealed.subarray(clear.length, clear.length + head.size), Uint8Array.of(KINDS[kind]), clear);
    const iv = nonce(entry.held.salt, head.counter);
    let plain;
    try {
      plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData: aad }, entry.held.key, body);
    } catch { return { refused: "forged" }; }
    // Asked again: while this frame was opening, its copy may have been.
    if (!entry.window.admits(head.counter)) return twice();
    entry.window.note(head.counter, place);
    return { frame: concat(clear, plain) };
  }
}
