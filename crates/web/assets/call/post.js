// Words to one member, in order, each until they say that they have it: lines are cut, and what was on its way then is lost.

const REPEAT_MS = 1_000;
const REPEAT_MS_MAX = 8_000;
const ACK_MS = 100;
const UNHEARD_MAX = 256;
const AT_ONCE = 16;
const LAST_TRIES_MAX = 10;

/** `send(body)` gives it to the line while `isOpen()`; `ack(n)` tells the other side up to where it was heard. */
export class Post {
  #opening = null;
  #unheard = [];
  #number = 0;
  #heard = 0;
  #tries = 0;
  #triesMax = Infinity;
  #repeating = null;
  #acking = null;
  #isClosed = false;

  constructor({ send, isOpen, ack }) { Object.assign(this, { send, isOpen, ack }); }

  /** The first word, of no number, until it was answered. */
  open(body) {
    this.#opening = body;
    this.#go(body);
  }

  answered() {
    if (!this.#opening) return;
    this.#opening = null;
    this.#progress();
  }

  /** False when more waits for them than can still matter: whoever asked begins anew. */
  put(body) {
    if (this.#isClosed) return true;
    if (this.#unheard.length >= UNHEARD_MAX) return false;
    this.#number += 1;
    const word = { ...body, n: this.#number };
    this.#unheard.push(word);
    this.#go(word);
    return true;
  }

  /** The last word: what is still on its way is of no use any more, and this one is not said for ever. */
  last(body) {
    this.#opening = null;
    this.#unheard = [];
    this.#triesMax = LAST_TRIES_MAX;
    this.put(body);
    this.#isClosed = true;
  }

  /** Whether `n` is the next in order. Repeated, or after a gap, it is not; either way they are told up to where they were heard. */
  takes(n) {
    this.#acking ??= setTimeout(() => { this.#acking = null; if (this.isOpen()) this.ack(this.#heard); }, ACK_MS);
    if (n !== this.#heard + 1) return false;
    this.#heard = n;
    return true;
  }

  /** They have everything up to `n`. */
  got(n) {
    const before = this.#unheard.length;
    this.#unheard = this.#unheard.filter((word) => word.n > n);
    if (this.#unheard.length === before) return;
    const wasLate = this.#tries > 0;
    this.#progress();
    if (wasLate) this.repeat();
  }

  /** Now, and not when the next repetition is due: the line is back. */
  repeat() {
    if (!this.isOpen()) return;
    if (this.#opening) this.send(this.#opening);
    for (const word of this.#unheard.slice(0, AT_ONCE)) this.send(word);
  }

  close() {
    this.#isClosed = true;
    this.#opening = null;
    this.#unheard = [];
    this.#progress();
    clearTimeout(this.#acking);
  }

  #go(word) {
    if (this.isOpen()) this.send(word);
    this.#arm();
  }

  #progress() {
    this.#tries = 0;
    clearTimeout(this.#repeating);
    this.#repeating = null;
    this.#arm();
  }

  #arm() {
    if (this.#repeating || (!this.#opening && !this.#unheard.length) || this.#tries >= this.#triesMax) return;
    this.#repeating = setTimeout(() => {
      this.#repeating = null;
      this.#tries += 1;
      this.repeat();
      this.#arm();
    }, Math.min(REPEAT_MS_MAX, REPEAT_MS * 2 ** this.#tries));
  }
}
