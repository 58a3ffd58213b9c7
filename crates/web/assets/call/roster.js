// Who is in the room, as the host signed it. The server's own list is compared with this and never trusted.

import { b64, fields, number, unb64 } from "./bytes.js";
import { verify } from "./keys.js";

const MEMBERS_MAX = 8;
export const LISTED_GRACE_MS = 4_000;
const LEFT_GRACE_MS = 10_000;
const ID = /^[0-9a-f]{16}$/;

function canonical(visit, epoch, members) {
  const parts = members.flatMap(({ id, role, sign, seal }) => [id, role, unb64(sign), unb64(seal)]);
  return fields("wardstone-roster-v1", visit, number(epoch, 8), number(members.length, 2), ...parts);
}

export function sorted(members) {
  return members.map(({ id, role, sign, seal }) => ({ id, role, sign, seal })).sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Only the host's device calls this. */
export async function signRoster(keys, visit, epoch, members) {
  const listed = sorted(members);
  return { epoch, members: listed, signature: b64(await keys.signed(canonical(visit, epoch, listed))) };
}

function isWellFormed({ epoch, members }) {
  return Number.isSafeInteger(epoch) && epoch > 0 && Array.isArray(members) && members.length > 0 && members.length <= MEMBERS_MAX
    && members.every(({ id, role, sign, seal }) => ID.test(id) && typeof role === "string" && typeof sign === "string" && typeof seal === "string")
    && members.every(({ id }, at) => at === 0 || members[at - 1].id < id);
}

export class Roster {
  epoch = 0;
  members = [];
  #left = new Map();

  /** `hostSign` is pinned at first sight by the caller, and confirmed by the short string. */
  constructor(visit, hostSign) { Object.assign(this, { visit, hostSign }); }

  find(id) { return this.members.find((member) => member.id === id); }
  index(id) { return this.members.findIndex((member) => member.id === id); }

  /** A member of an epoch that just ended may still be heard from: no alarm, and no answer. */
  leftLately(id, nowMs) { return nowMs - (this.#left.get(id) ?? -Infinity) < LEFT_GRACE_MS; }

  /**
   * `{joined, left}` or `{refused}`: malformed, forged, replayed or skipped. `maySkip` is true for the first roster
   * after our own connection was away, and while we are not in: epochs may have passed without us. The host's signature still counts.
   */
  async take(message, nowMs, maySkip = false) {
    if (!isWellFormed(message)) return { refused: "malformed" };
    const { epoch, members, signature } = message;
    let isSigned = false;
    try { isSigned = await verify(unb64(this.hostSign), unb64(signature), canonical(this.visit, epoch, members)); } catch { /* refused below */ }
    if (!isSigned) return { refused: "forged" };
    const isSame = epoch === this.epoch && JSON.stringify(sorted(members)) === JSON.stringify(this.members);
    // The roster that already holds, said again, changes nothing and harms nobody.
    if (isSame) return { joined: [], left: [], isSame };
    if (epoch <= this.epoch) return { refused: "replayed" };
    if (this.epoch && epoch !== this.epoch + 1 && !maySkip) return { refused: "skipped" };
    const before = this.members;
    this.members = sorted(members);
    this.epoch = epoch;
    // Whoever stays must stay with the same keys: other keys are another person.
    const stays = (member) => before.some((old) => old.id === member.id && old.sign === member.sign && old.seal === member.seal);
    const left = before.filter((old) => !this.members.some((member) => member.id === old.id && member.sign === old.sign && member.seal === old.seal));
    for (const { id } of left) this.#left.set(id, nowMs);
    return { joined: this.members.filter((member) => !stays(member)), left };
  }

  /** Ids that the server says are admitted, and the host's roster does not. */
  ghosts(present) { return present.filter(({ id, admitted }) => admitted && !this.find(id)).map(({ id }) => id); }
}
