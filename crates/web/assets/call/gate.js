// What a visit of high risk asks for: a passkey over the keys of this call before the patient is let in, and the same words said on both
// sides before more than sound flows.

import { b64, fields, sha256, unb64 } from "./bytes.js";

const HOST = "clinician";
const VISITED = ["patient", "proxy"];

/** For whom the visit is. */
export const isVisited = (role) => VISITED.includes(role);

/** The public keys of a member in this visit, as a passkey signs them. */
export async function keysDigest(visit, { id, sign, seal }) {
  return sha256(fields("wardstone-call-keys-v1", visit, id, unb64(sign), unb64(seal)));
}

export async function challengeOf(nonce, digest) {
  return b64(await sha256(fields("wardstone-passkey-v1", nonce, digest)));
}

export class Gate {
  isHigh = false;
  #isClear = true;
  #vouched = new Map();
  #said = new Map();

  /** Until the server says what was done, nothing was. */
  welcome(isHigh) {
    this.isHigh = isHigh;
    this.#isClear = !isHigh;
  }

  take({ high, clear, vouched }) {
    this.isHigh = high === true;
    this.#isClear = clear === true;
    this.#vouched = new Map(vouched.map(({ who, keys }) => [who, keys]));
  }

  hasVouched(id) { return this.#vouched.has(id); }

  /** A host compares what a passkey signed with the keys that it holds itself. */
  async lets(visit, member) {
    if (!this.isHigh || !isVisited(member.role)) return true;
    return this.#vouched.get(member.id) === b64(await keysDigest(visit, member));
  }

  /** Here somebody said that the words are the same. */
  said({ id, sign }) { this.#said.set(id, sign); }
  hasSaid({ id, sign }) { return this.#said.get(id) === sign; }

  /** The server says that all was done, and this side knows of its own part. */
  isOpen(me, members) {
    if (!this.isHigh) return true;
    if (!this.#isClear) return false;
    const others = members.filter(({ id }) => id !== me.id);
    if (me.role === HOST) return others.every((one) => !isVisited(one.role) || this.hasSaid(one));
    return !isVisited(me.role) || others.some((one) => one.role === HOST && this.hasSaid(one));
  }
}
