// HPKE (RFC 9180), base mode, one message per context, composed from WebCrypto: KEM X25519 or P-256, HKDF-SHA256, AES-GCM.

import { concat, hmac, number, utf8 } from "./bytes.js";

const EMPTY = new Uint8Array(0);
const KDF_ID = 1;
export const KEMS = {
  x25519: { id: 0x0020, algorithm: { name: "X25519" }, publicSize: 32 },
  p256: { id: 0x0010, algorithm: { name: "ECDH", namedCurve: "P-256" }, publicSize: 65 },
};
// WebCrypto's HKDF always extracts first; HPKE extracts and expands apart, so both are built from HMAC.
const AEADS = { 16: 1, 32: 2 };

/** HMAC refuses an empty key; HKDF's empty salt means a block of zeros. */
function extract(salt, secret) { return hmac(salt.byteLength ? salt : new Uint8Array(32), secret); }

async function expand(key, info, size) {
  let block = EMPTY;
  let all = EMPTY;
  for (let turn = 1; all.byteLength < size; turn += 1) {
    block = await hmac(key, concat(block, info, number(turn, 1)));
    all = concat(all, block);
  }
  return all.slice(0, size);
}

function labelled(suite) {
  return {
    extract: (salt, label, secret) => extract(salt, concat(utf8("HPKE-v1"), suite, utf8(label), secret)),
    expand: (key, label, info, size) => expand(key, concat(number(size, 2), utf8("HPKE-v1"), suite, utf8(label), info), size),
  };
}

function kemOf(publicKey) {
  return publicKey.byteLength === KEMS.x25519.publicSize ? KEMS.x25519 : KEMS.p256;
}

async function sharedSecret(kem, privateKey, publicKey, enc, receiver) {
  const theirs = await crypto.subtle.importKey("raw", publicKey, kem.algorithm, true, []);
  const dh = await crypto.subtle.deriveBits({ name: kem.algorithm.name, public: theirs }, privateKey, 256);
  const kdf = labelled(concat(utf8("KEM"), number(kem.id, 2)));
  const prk = await kdf.extract(EMPTY, "eae_prk", dh);
  return kdf.expand(prk, "shared_secret", concat(enc, receiver), 32);
}

async function schedule(kem, secret, info, keySize) {
  const kdf = labelled(concat(utf8("HPKE"), number(kem.id, 2), number(KDF_ID, 2), number(AEADS[keySize], 2)));
  const psk = await kdf.extract(EMPTY, "psk_id_hash", EMPTY);
  const context = concat(new Uint8Array(1), psk, await kdf.extract(EMPTY, "info_hash", info));
  const prk = await kdf.extract(secret, "secret", EMPTY);
  const raw = await kdf.expand(prk, "key", context, keySize);
  const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
  return { key, nonce: await kdf.expand(prk, "base_nonce", context, 12), raw };
}

/** Seals `plain` to the holder of `publicKey` (raw). `ephemeral` is given by tests that compare with RFC 9180 only. */
export async function seal(publicKey, info, aad, plain, { ephemeral, keySize = 32 } = {}) {
  const kem = kemOf(publicKey);
  const pair = ephemeral ?? await crypto.subtle.generateKey(kem.algorithm, false, ["deriveBits"]);
  const enc = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const { key, nonce } = await schedule(kem, await sharedSecret(kem, pair.privateKey, publicKey, enc, publicKey), info, keySize);
  const box = await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce, additionalData: aad }, key, plain);
  return { enc, box: new Uint8Array(box) };
}

/** Opens what was sealed to `pair`; throws when anything of it is not as it was sealed. */
export async function open(pair, enc, info, aad, box, { keySize = 32 } = {}) {
  const mine = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const kem = kemOf(mine);
  if (enc.byteLength !== kem.publicSize) throw new Error("sealed for another kind of key");
  const { key, nonce } = await schedule(kem, await sharedSecret(kem, pair.privateKey, enc, enc, mine), info, keySize);
  return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv: nonce, additionalData: aad }, key, box));
}
