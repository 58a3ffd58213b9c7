// Bytes as the visit's formats write them: base64url, fields with their length before them, digests and derived bits.

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

export function utf8(text) { return encoder.encode(text); }
export function text(bytes) { return decoder.decode(bytes); }

export function concat(...parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part instanceof Uint8Array ? part : new Uint8Array(part), at);
    at += part.byteLength;
  }
  return all;
}

/** Big end first. */
export function number(value, size) {
  const bytes = new Uint8Array(size);
  for (let at = size - 1, rest = BigInt(value); at >= 0; at -= 1, rest >>= 8n) bytes[at] = Number(rest & 0xffn);
  return bytes;
}

/** Every field with its length (4 bytes) before it, so that no two lists of fields give the same bytes. */
export function fields(...parts) {
  return concat(...parts.flatMap((part) => {
    const bytes = typeof part === "string" ? utf8(part) : part;
    return [number(bytes.byteLength, 4), bytes];
  }));
}

export function b64(bytes) {
  let binary = "";
  for (const byte of new Uint8Array(bytes)) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

export function unb64(word) {
  if (typeof word !== "string" || !/^[A-Za-z0-9_-]*$/.test(word)) throw new Error("not base64url");
  return Uint8Array.from(atob(word.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
}

export function random(size) { return crypto.getRandomValues(new Uint8Array(size)); }
export function same(a, b) { return b64(a) === b64(b); }

export async function sha256(bytes) { return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)); }

/** HKDF (RFC 5869), extract and expand in one. */
export async function derive(secret, salt, info, size, hash = "SHA-256") {
  const key = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: "HKDF", hash, salt, info }, key, size * 8));
}

export async function hmac(key, bytes) {
  const mac = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, mac, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign(mac, imported, bytes));
}
