// The line to the server: numbered messages, a heartbeat, and the way back after a drop, while sound and picture go on.

const MESSAGE_SIZE_MAX = 64 * 1024;
const WAITING_MAX = 256;
const BACKOFF_FIRST_MS = 250;
const BACKOFF_MAX_MS = 8_000;
const BEAT_MS = 10_000;
const SILENCE_BEATS = 3;

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

/**
 * Events: `message` (detail: what the server said), `line` (detail: open, away or closed).
 * Numbers start at 1 on each connection, in both directions; what does not rise is not heard.
 */
export class Signal extends EventTarget {
  #transport = null;
  #out = 0;
  #in = 0;
  #waiting = [];
  #isWelcome = false;
  #isOver = false;
  #tries = 0;
  #beatMs = BEAT_MS;
  #heardMs = 0;

  constructor({ connect, ticket, resume, keys, jitter = Math.random, now = Date.now }) {
    super();
    Object.assign(this, { connect, ticket, resume, keys, jitter, now });
  }

  open() {
    const transport = this.connect();
    this.#transport = transport;
    [this.#out, this.#in, this.#isWelcome] = [0, 0, false];
    this.#heardMs = this.now();
    transport.onopen = () => this.#write({ type: "hello", ...(this.resume ? { resume: this.resume } : { ticket: this.ticket }), keys: this.keys });
    transport.onmessage = (text) => { if (transport === this.#transport) this.#heard(text); };
    transport.onclose = () => { if (transport === this.#transport) this.#lost(); };
    clearInterval(this.beating);
    this.beating = setInterval(() => this.#beat(), this.#beatMs);
  }

  /** False when it was too large, or too much waits already. While the line is away, messages wait in order. */
  send(message) {
    if (this.#isOver || JSON.stringify(message).length > MESSAGE_SIZE_MAX - 64) return false;
    if (this.#isWelcome) return this.#write(message);
    if (this.#waiting.length >= WAITING_MAX) return false;
    this.#waiting.push(message);
    return true;
  }

  close() {
    if (this.#isWelcome) this.#write({ type: "leave" });
    this.#finish();
  }

  #write(message) {
    this.#out += 1;
    this.#transport.send(JSON.stringify({ v: 1, seq: this.#out, ...message }));
    return true;
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
    this.dispatchEvent(new CustomEvent("line", { detail: "open" }));
    for (const waiting of this.#waiting.splice(0)) this.#write(waiting);
  }

  #beat() {
    if (this.now() - this.#heardMs > SILENCE_BEATS * this.#beatMs) this.#transport.close();
    else if (this.#isWelcome) this.#write({ type: "beat" });
  }

  #lost() {
    clearInterval(this.beating);
    this.#isWelcome = false;
    if (this.#isOver) return;
    this.dispatchEvent(new CustomEvent("line", { detail: "away" }));
    const wait = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** this.#tries);
    this.#tries += 1;
    this.retrying = setTimeout(() => this.open(), wait * (0.5 + this.jitter() / 2));
  }

  #finish() {
    this.#isOver = true;
    clearInterval(this.beating);
    clearTimeout(this.retrying);
    this.#transport?.close();
    this.dispatchEvent(new CustomEvent("line", { detail: "closed" }));
  }
}
