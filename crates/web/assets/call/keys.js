// This device's keys for one visit, what is signed with them, and the words that two people compare.

import { b64, concat, derive, fields, number, random, sha256, unb64, utf8 } from "./bytes.js";
import { EMOJI } from "./emoji.js";
import * as hpke from "./hpke.js";

const P256 = { name: "ECDSA", namedCurve: "P-256" };
const NONCE_SIZE = 32;
const BINDING_MS = 15 * 60_000;
const SAS_EMOJI = 7;
/** What is kept of a visit that was not closed goes when the next one is opened. */
const KEPT_MS = 24 * 3_600_000;

const opened = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

/** What this device keeps of a visit, so that a refreshed page is the same participant. */
export class Drawer {
  static async open() {
    const opening = indexedDB.open("wardstone-visits", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("kept");
    const drawer = new Drawer();
    drawer.database = await opened(opening);
    await drawer.#clear(Date.now() - KEPT_MS);
    return drawer;
  }
  async #clear(untilMs) {
    const store = this.#store("readwrite");
    const [names, all] = await Promise.all([opened(store.getAllKeys()), opened(store.getAll())]);
    names.forEach((name, at) => { if (!(all[at].atMs > untilMs)) store.delete(name); });
  }
  #store(mode) { return this.database.transaction("kept", mode).objectStore("kept"); }
  async get(visit, what) { return (await opened(this.#store("readonly").get(`${visit}/${what}`)))?.value; }
  put(visit, what, value) { return opened(this.#store("readwrite").put({ value, atMs: Date.now() }, `${visit}/${what}`)); }
  forget(visit) { return opened(this.#store("readwrite").delete(IDBKeyRange.bound(`${visit}/`, `${visit}/\uffff`))); }
}

async function signPair() {
  try { return await crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"]); }
  catch { return crypto.subtle.generateKey(P256, false, ["sign", "verify"]); }
}
async function sealPair() {
  try { return await crypto.subtle.generateKey({ name: "X25519" }, false, ["deriveBits"]); }
  catch { return crypto.subtle.generateKey(hpke.KEMS.p256.algorithm, false, ["deriveBits"]); }
}

const raw = async (key) => new Uint8Array(await crypto.subtle.exportKey("raw", key));
/** 32 bytes are Ed25519, 65 are P-256: a key says itself what it is. */
const signAlgorithm = (size) => (size === 32 ? { name: "Ed25519" } : { ...P256, hash: "SHA-256" });

export async function verify(publicKey, signature, bytes) {
  try {
    const algorithm = signAlgorithm(publicKey.length);
    const key = await crypto.subtle.importKey("raw", publicKey, algorithm, true, ["verify"]);
    return await crypto.subtle.verify(algorithm, key, signature, bytes);
  } catch { return false; }
}

export class DeviceKeys {
  /** Made once per visit; private parts are not extractable, and stay in this browser. */
  static async of(visit, drawer) {
    let kept = await drawer.get(visit, "keys");
    if (!kept) {
      kept = { sign: await signPair(), seal: await sealPair(), nonce: random(NONCE_SIZE) };
      await drawer.put(visit, "keys", kept);
    }
    return DeviceKeys.from(kept);
  }

  static async from({ sign, seal, nonce }) {
    const keys = new DeviceKeys();
    Object.assign(keys, { sign, seal, nonce, signPublic: await raw(sign.publicKey), sealPublic: await raw(seal.publicKey) });
    keys.public = { sign: b64(keys.signPublic), seal: b64(keys.sealPublic), commit: b64(await sha256(nonce)) };
    return keys;
  }

  async signed(bytes) {
    return new Uint8Array(await crypto.subtle.sign(signAlgorithm(this.signPublic.length), this.sign.privateKey, bytes));
  }

  opens(enc, info, aad, box) { return hpke.open(this.seal, enc, info, aad, box); }
}

/** The digest that a side signs before any media: who, in which room, with which certificate and keys, for how long. */
export function bindingDigest(binding) {
  const { visit, epoch, role, id, sign, fingerprint, seal, nonceSelf, noncePeer, expiresMs } = binding;
  const parts = fields("wardstone-bind-v1", visit, number(epoch, 8), role, id, sign, fingerprint, seal, nonceSelf, noncePeer, number(expiresMs, 8));
  return sha256(parts);
}

export async function signBinding(keys, binding, nowMs) {
  const expiresMs = nowMs + BINDING_MS;
  const digest = await bindingDigest({ ...binding, sign: keys.signPublic, seal: keys.sealPublic, expiresMs });
  return { epoch: binding.epoch, fingerprint: binding.fingerprint, expires_ms: expiresMs, signature: b64(await keys.signed(digest)) };
}

export async function verifyBinding(body, expected, nowMs) {
  const { epoch, fingerprint, expires_ms: expiresMs, signature } = body;
  if (!Number.isSafeInteger(epoch) || !Number.isSafeInteger(expiresMs) || !/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/.test(fingerprint)) return false;
  if (expiresMs <= nowMs || expiresMs > nowMs + 2 * BINDING_MS) return false;
  const digest = await bindingDigest({ ...expected, epoch, fingerprint, expiresMs });
  return verify(expected.sign, unb64(signature), digest);
}

export async function commitment(nonce) { return b64(await sha256(concat(utf8("wardstone-commit-v1"), nonce))); }
export async function isCommitted(nonce, commit) { return nonce.length === NONCE_SIZE && await commitment(nonce) === commit; }
export function freshNonce() { return random(NONCE_SIZE); }

/** Seven emoji of 64 (42 bits), and nine digits (30 bits) for those who would rather read numbers. Both sides get the same. */
export async function shortString(visit, one, other) {
  const [first, second] = b64(one.sign) < b64(other.sign) ? [one, other] : [other, one];
  const secret = fields(first.sign, first.seal, second.sign, second.seal, first.nonce, second.nonce);
  const bits = await derive(secret, new Uint8Array(0), fields("wardstone-sas-v1", visit), 12);
  let word = 0n;
  for (const byte of bits.subarray(0, 6)) word = (word << 8n) | BigInt(byte);
  const emoji = Array.from({ length: SAS_EMOJI }, (_, at) => EMOJI[Number((word >> BigInt(42 - 6 * at)) & 63n)]);
  let rest = 0n;
  for (const byte of bits.subarray(6)) rest = (rest << 8n) | BigInt(byte);
  const digits = String(rest % 1_000_000_000n).padStart(9, "0").match(/.{3}/g);
  return { emoji: emoji.map(([sign, name]) => ({ sign, name })), digits };
}

/** A sender key to one member: sealed to their key, signed with ours, since HPKE's base mode says nothing of who sealed. */
export async function sealSenderKey(keys, { visit, epoch, from, to, kid }, toSealPublic, base) {
  const info = fields("wardstone-sender-key-v1", visit, number(epoch, 8), from, to);
  const { enc, box } = await hpke.seal(toSealPublic, info, number(kid, 8), base);
  const signature = await keys.signed(fields("wardstone-sealed-v1", info, number(kid, 8), enc, box));
  return { epoch, key_id: String(kid), enc: b64(enc), box: b64(box), signature: b64(signature) };
}

/** Null when it is not from whom it says, or not for us. */
export async function openSenderKey(keys, { visit, from, to }, fromSignPublic, body) {
  try {
    const kid = BigInt(body.key_id);
    const info = fields("wardstone-sender-key-v1", visit, number(body.epoch, 8), from, to);
    const [enc, box] = [unb64(body.enc), unb64(body.box)];
    const signed = fields("wardstone-sealed-v1", info, number(kid, 8), enc, box);
    if (!await verify(fromSignPublic, unb64(body.signature), signed)) return null;
    const base = await keys.opens(enc, info, number(kid, 8), box);
    return base.length === 32 ? { epoch: body.epoch, kid, base } : null;
  } catch { return null; }
}
