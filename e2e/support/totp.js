// One-time codes of RFC 6238, each used once: the server refuses a step that it has seen.

import { createHmac } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';

const STEP_MS = 30_000;
/** Until a code that was read off is typed, sent and looked at. */
const TYPING_MS = 10_000;
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The code of a secret (base 32) in a step. */
export function codeOf(secret, step) {
  const message = Buffer.alloc(8);
  message.writeBigUInt64BE(BigInt(step));
  const digest = createHmac('sha1', fromBase32(secret)).update(message).digest();
  const at = digest[19] & 15;
  return String((digest.readUInt32BE(at) & 0x7fff_ffff) % 1_000_000).padStart(6, '0');
}

/** An authenticator app of one person. The server takes the steps before and after now as well. */
export class Authenticator {
  #last = 0;

  constructor(secret) {
    this.secret = secret.replaceAll(' ', '');
  }

  /** A code that was not used yet; waits for a further step where three were used within a minute and a half. */
  async code() {
    const now = (ahead_ms = 0) => Math.floor((Date.now() + ahead_ms) / STEP_MS);
    const step = Math.max(this.#last + 1, now(TYPING_MS) - 1);
    while (step > now() + 1) await wait(500);
    this.#last = step;
    return codeOf(this.secret, step);
  }

  /** A code that does not match now: that of a year ago. */
  wrong() {
    return codeOf(this.secret, Math.floor(Date.now() / STEP_MS) - 1_051_200);
  }
}

function fromBase32(text) {
  const bits = [...text.toUpperCase()].map((letter) => BASE32.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)));
}
