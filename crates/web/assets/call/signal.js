// The line to the server: numbered messages, a heartbeat, and the way back after a drop, while sound and picture go on.

const MESSAGE_SIZE_MAX = 64 * 1024;
const WAITING_MAX = 256;
const KEPT_MAX = 256;
const BUSY_AT = 32;
const BACKOFF_FIRST_MS = 250;
const BACKOFF_MAX_MS = 8_000;
const STUCK_AFTER = 3;
const BEAT_MS = 10_000;
const SILENCE_BEATS = 3;
// After a sleep: a line that does not answer within this is dead, whatever the browser says of it.
const ANSWER_MS = 4_000;

/** A WebSocket as this module wants a transport: `send`, `close`, `onopen`, `onmessage` (text) and `onclose`. */
export function webSocket(url) {
  return () => {
    const socket = new WebSocket(url);
    const transport = { send: (text) => socket.send(text), close: () => socket.close() };
    socket.onopen = () => transport.onopen?.();
    socket.onmessage = ({ data }) => transport.onmessage?.(data);
    socket.onclose = () => transport.onclose?.();
    return transport;
  };
}

/** As many as the server takes of one person, and a little less: who says more is cut off. */
const PACE = { messages: { most: 100, perSecond: 18 }, bytes: { most: 1_800_000, perSecond: 450_000 } };

class Pace {
  #left = { messages: PACE.messages.most, bytes: PACE.bytes.most };
  #atMs = -Infinity;

  /** Zero when it may go now, or after how many ms to ask again. */
  waitMs(size, nowMs) {
    const seconds = Math.max(0, Math.min(60, (nowMs - this.#atMs) / 1_000));
    this.#atMs = nowMs;
    const cost = { messages: 1, bytes: size };
    let wait = 0;
    for (const [what, { most, perSecond }] of Object.entries(PACE)) {
      this.#left[what] = Math.min(most, this.#left[what] + seconds * perSecond);
      wait = Math.max(wait, ((cost[what] - this.#left[what]) / perSecond) * 1_000);
    }
    if (wait > 0) return Math.ceil(wait) + 5;
    this.#left.messages -= 1;
    this.#left.bytes -= size;
    return 0;
  }
}

/**
 * Events: `message` (detail: what the server said), `line` (detail: open, away, stuck or closed).
 * Numbers rise over the life of this page in one direction, and from 1 on each connection in the other; what does not rise is not heard.
 * What the server is not known to have heard is kept, and said again when the line is back.
 */
export class Signal extends EventTarget {
  #transport = null;
  #out = 0;
  #in = 0;
  #waiting = [];
  #kept = [];
  #rested = [];
  #pace = new Pace();
  #flushing = null;
  #isWelcome = false;
  #isOver = false;
  #isAway = false;
  #tries = 0;
  #beatMs = BEAT_MS;
  #heardMs = 0;

  constructor({ connect, ticket, keys, jitter = Math.random, now = Date.now }) {
    super();
    Object.assign(this, { connect, ticket, keys, jitter, now });
  }

  /** A token of the line that was lost: the page that had it comes back with it, and no other page has it. */
  resume = null;

  get isOpen() { return this.#isWelcome && !this.#isOver; }

  open() {
    clearTimeout(this.retrying);
    const transport = this.connect();
    this.#transport = transport;
    this.#isAway = false;
    [this.#in, this.#isWelcome] = [0, false];
    this.#heardMs = this.now();
    transport.onopen = () => this.#write({ type: "hello", ...(this.resume ? { resume: this.resume } : { ticket: this.ticket }), keys: this.keys });
    transport.onmessage = (text) => { if (transport === this.#transport) this.#heard(text); };
    transport.onclose = () => { if (transport === this.#transport) this.#lost(); };
    clearInterval(this.beating);
    this.beating = setInterval(() => this.#beat(), this.#beatMs);
  }

  /** False when it was too large, or too much waits already. While the line is away or busy, messages wait in order. */
  send(message) {
    if (this.#isOver || JSON.stringify(message).length > MESSAGE_SIZE_MAX - 64) return false;
    if (this.#waiting.length >= WAITING_MAX) return false;
    this.#waiting.push(message);
    this.#flush();
    return true;
  }

  /** When there is room for more, for who has much to say. */
  rested() {
    if (this.#isOver || this.#waiting.length < BUSY_AT) return Promise.resolve();
    return new Promise((done) => { this.#rested.push(done); });
  }

  close() {
    if (this.#isWelcome) this.#write({ type: "leave" });
    this.#finish();
  }

  #flush() {
    clearTimeout(this.#flushing);
    while (this.#isWelcome && this.#waiting.length && this.#kept.length < KEPT_MAX) {
      const [message] = this.#waiting;
      const waitMs = this.#pace.waitMs(JSON.stringify(message).length + 64, this.now());
      if (waitMs > 0) { this.#flushing = setTimeout(() => this.#flush(), waitMs); break; }
      this.#waiting.shift();
      this.#write(message);
      this.#kept.push({ seq: this.#out, message });
      // Long before no more can be kept: up to where was it heard?
      if (this.#kept.length % (KEPT_MAX / 4) === 0) this.#write({ type: "beat" });
    }
    if (this.#waiting.length < BUSY_AT) for (const done of this.#rested.splice(0)) done();
  }

  #write(message) {
    this.#out += 1;
    this.#transport.send(JSON.stringify({ v: 1, seq: this.#out, ...message }));
  }

  #heard(text) {
    this.#heardMs = this.now();
    let message;
    try { message = JSON.parse(text); } catch { return; }
    if (text.length > MESSAGE_SIZE_MAX || message?.v !== 1 || typeof message.type !== "string") return;
    if (Number.isSafeInteger(message.seq)) {
      if (message.seq <= this.#in) return;
      this.#in = message.seq;
    }
    if (message.type === "welcome") this.#welcomed(message);
    if (message.type === "beat") {
      this.#kept = this.#kept.filter(({ seq }) => seq > message.heard);
      this.#flush();
      return;
    }
    this.dispatchEvent(new CustomEvent("message", { detail: message }));
    if (message.type === "ended" || message.type === "removed") this.#finish();
  }

  #welcomed(message) {
    this.#isWelcome = true;
    this.resume = message.resume;
    if (message.beat_ms >= 1_000 && message.beat_ms !== this.#beatMs) {
      this.#beatMs = message.beat_ms;
      clearInterval(this.beating);
      this.beating = setInterval(() => this.#beat(), this.#beatMs);
    }
    this.#tries = 0;
    // Of another place nothing is said again.
    const isBack = this.you === message.you;
    this.you = message.you;
    const unheard = isBack ? this.#kept.filter(({ seq }) => seq > message.heard).map((one) => one.message) : [];
    this.#kept = [];
    this.#waiting.unshift(...unheard);
    this.dispatchEvent(new CustomEvent("line", { detail: "open" }));
    this.#flush();
  }

  #beat() {
    if (this.now() - this.#heardMs > SILENCE_BEATS * this.#beatMs) this.#drop();
    else if (this.#isWelcome) this.#write({ type: "beat" });
  }

  /** The page slept, or has another network: the line is looked at now, and not at the next beat or after a long pause. */
  wake() {
    if (this.#isOver) return;
    if (this.#isAway) { this.#tries = 0; this.open(); return; }
    if (!this.#isWelcome || !this.#transport) return;
    const asked = this.#transport;
    const heardMs = this.#heardMs;
    if (this.now() - heardMs > SILENCE_BEATS * this.#beatMs) { this.#drop(); return; }
    this.#write({ type: "beat" });
    setTimeout(() => { if (asked === this.#transport && this.#heardMs === heardMs && !this.#isAway) this.#drop(); }, ANSWER_MS);
  }

  /** Not waiting for the other end to agree that it is over: it may be gone. */
  #drop() {
    const dead = this.#transport;
    this.#transport = null;
    dead?.close();
    this.#lost();
  }

  #lost() {
    clearInterval(this.beating);
    this.#isWelcome = false;
    if (this.#isOver || this.#isAway) return;
    this.#isAway = true;
    this.dispatchEvent(new CustomEvent("line", { detail: "away" }));
    // No room may be there any more to come back to, and a browser does not say whether it was that or the network.
    if (this.#tries > 0 && this.#tries % STUCK_AFTER === 0) this.dispatchEvent(new CustomEvent("line", { detail: "stuck" }));
    const wait = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** this.#tries);
    this.#tries += 1;
    this.retrying = setTimeout(() => this.open(), wait * (0.5 + this.jitter() / 2));
  }

  #finish() {
    this.#isOver = true;
    clearTimeout(this.#flushing);
    for (const done of this.#rested.splice(0)) done();
    clearInterval(this.beating);
    clearTimeout(this.retrying);
    this.#transport?.close();
    this.dispatchEvent(new CustomEvent("line", { detail: "closed" }));
  }
}
