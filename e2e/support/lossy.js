// A network that loses: a UDP relay in front of a TURN server, which drops, delays and cuts as it is told, the same way for the same seed.

import { createSocket } from 'node:dgram';

const WAYS_MAX = 256;
/** What waits while this process does something else, so that only what is meant to be lost is lost. */
const BUFFER = 4 * 1024 * 1024;

/** mulberry32: enough to choose what is lost, and the same on every machine. */
export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export class Lossy {
  /** Shares of what goes in each direction; `isCut` loses everything. */
  loss = { up: 0, down: 0 };
  isCut = false;
  passed = { up: 0, down: 0 };
  lost = { up: 0, down: 0 };
  #ways = new Map();

  /** In front of `target` ({host, port}), on a port of its own of the loopback. */
  static async start(target, { seed = 1 } = {}) {
    const lossy = new Lossy();
    Object.assign(lossy, { target, chance: seeded(seed) });
    lossy.socket = createSocket({ type: 'udp4', recvBufferSize: BUFFER });
    lossy.socket.on('message', (bytes, from) => lossy.#up(bytes, from));
    await new Promise((done) => lossy.socket.bind(0, '127.0.0.1', done));
    lossy.port = lossy.socket.address().port;
    return lossy;
  }

  /** Each browser socket has a socket of its own towards the target, which tells them apart by it. */
  #up(bytes, { address, port }) {
    const place = `${address}:${port}`;
    let way = this.#ways.get(place);
    if (!way) {
      if (this.#ways.size >= WAYS_MAX) return;
      way = createSocket({ type: 'udp4', recvBufferSize: BUFFER });
      way.on('message', (answer) => this.#pass('down', () => this.socket.send(answer, port, address)));
      way.on('error', () => {});
      this.#ways.set(place, way);
    }
    this.#pass('up', () => way.send(bytes, this.target.port, this.target.host));
  }

  #pass(direction, send) {
    if (this.isCut || this.chance() < this.loss[direction]) { this.lost[direction] += 1; return; }
    this.passed[direction] += 1;
    send();
  }

  async stop() {
    for (const way of this.#ways.values()) way.close();
    await new Promise((done) => this.socket.close(done));
  }
}
