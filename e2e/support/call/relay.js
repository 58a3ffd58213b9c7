// A relay for tests: it speaks the server's side of the visit protocol, keeps all that it relayed, and can be made to lie.
// It is not the server. It serves the browser's modules as the server does, under the same strict policy.

import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';

const ASSETS = new URL('../../../crates/web/assets/', import.meta.url);
const HERE = new URL('./', import.meta.url);
const POLICY = "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; media-src 'self' blob:; img-src 'self'; "
  + "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types wardstone-visit";
const PAGE = '<!doctype html><title>visit</title><script type="module" src="/support/person.js"></script>';
const MESSAGE_SIZE_MAX = 64 * 1024;

/** RFC 6455, as much of it as Chromium uses with a server that compresses nothing. */
class Socket {
  #rest = Buffer.alloc(0);
  #parts = [];
  constructor(stream, onText, onClose) {
    this.stream = stream;
    stream.on('data', (bytes) => {
      this.#rest = Buffer.concat([this.#rest, bytes]);
      for (let frame = this.#frame(); frame; frame = this.#frame()) {
        if (frame.code === 8) stream.end();
        else if (frame.code <= 2) {
          this.#parts.push(frame.payload);
          if (frame.isLast) onText(Buffer.concat(this.#parts.splice(0)).toString());
        }
      }
    });
    stream.on('close', onClose);
    stream.on('error', () => {});
  }

  #frame() {
    const bytes = this.#rest;
    if (bytes.length < 6) return null;
    let size = bytes[1] & 127;
    let at = 2;
    if (size === 126) { size = bytes.readUInt16BE(2); at = 4; }
    else if (size === 127) { size = Number(bytes.readBigUInt64BE(2)); at = 10; }
    if (bytes.length < at + 4 + size) return null;
    const mask = bytes.subarray(at, at + 4);
    const payload = Buffer.from(bytes.subarray(at + 4, at + 4 + size)).map((byte, place) => byte ^ mask[place % 4]);
    this.#rest = bytes.subarray(at + 4 + size);
    return { code: bytes[0] & 15, isLast: (bytes[0] & 128) !== 0, payload };
  }

  send(text) {
    const payload = Buffer.from(text);
    const head = payload.length < 126 ? Buffer.from([0x81, payload.length]) : Buffer.alloc(payload.length < 65536 ? 4 : 10);
    if (head.length === 4) { head.set([0x81, 126]); head.writeUInt16BE(payload.length, 2); }
    if (head.length === 10) { head.set([0x81, 127]); head.writeBigUInt64BE(BigInt(payload.length), 2); }
    if (!this.stream.destroyed) this.stream.write(Buffer.concat([head, payload]));
  }
  cut() { this.stream.destroy(); }
}

/** `ticket` names the person: `clinician:asha`, `patient:ben`. */
export class Relay {
  people = new Map();
  memory = [];
  events = [];
  rosters = [];
  isDown = false;
  ice = [];
  relayOnly = false;
  /** Names of those whose line does not come back yet, and what was for somebody without a line. */
  away = new Set();
  lost = [];
  /** Called with what is about to be relayed; what it gives back goes out instead (null: nothing). */
  lie = (message) => message;

  static async start() {
    const relay = new Relay();
    relay.server = createServer((request, response) => relay.#serve(request, response));
    relay.server.on('upgrade', (request, stream) => relay.#upgrade(request, stream));
    await new Promise((done) => relay.server.listen(0, '127.0.0.1', done));
    relay.url = `http://127.0.0.1:${relay.server.address().port}`;
    return relay;
  }

  async stop() {
    for (const person of this.people.values()) person.socket?.cut();
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }

  /** A new room: nobody, nothing remembered, no lies. */
  fresh() {
    for (const person of this.people.values()) person.socket?.cut();
    this.people = new Map();
    Object.assign(this, { memory: [], events: [], rosters: [], isDown: false, ice: [], relayOnly: false, away: new Set(), lost: [], lie: (message) => message });
  }

  async #serve({ url }, response) {
    const { pathname } = new URL(url, this.url);
    const headers = { 'content-security-policy': POLICY, 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' };
    if (pathname === '/visit') { response.writeHead(200, { ...headers, 'content-type': 'text/html' }).end(PAGE); return; }
    const [, where, name] = pathname.match(/^\/(assets\/call|support)\/([a-z-]+\.js)$/) ?? [];
    try {
      const body = await readFile(new URL(name, where === 'support' ? HERE : new URL('call/', ASSETS)));
      response.writeHead(200, { ...headers, 'content-type': 'text/javascript' }).end(body);
    } catch { response.writeHead(404, headers).end(); }
  }

  #upgrade(request, stream) {
    if (this.isDown) { stream.destroy(); return; }
    const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    stream.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
    const line = { out: 0, in: 0, person: null };
    const people = this.people;
    line.socket = new Socket(stream, (text) => { if (people === this.people) this.#heard(line, text); }, () => {
      if (line.person?.socket === line.socket) line.person.socket = null;
    });
  }

  #heard(line, text) {
    const message = JSON.parse(text);
    if (text.length > MESSAGE_SIZE_MAX || message.v !== 1 || !(message.seq > line.in)) { line.socket.cut(); return; }
    line.in = message.seq;
    if (message.type === 'hello') { this.#hello(line, message); return; }
    const { person } = line;
    if (!person) return;
    person.heard = message.seq;
    const tasks = {
      signal: ({ to, body }) => { if (person.admitted) this.tell(to, { type: 'signal', from: person.id, body }); },
      say: ({ box }) => { if (person.admitted) this.#others(person, { type: 'say', from: person.id, box }); },
      state: ({ audio, video, screen, modality, reason }) => this.#others(person, { type: 'state', from: person.id, audio, video, screen, modality, reason }),
      event: ({ what, detail }) => this.events.push({ who: person.name, what, detail }),
      beat: () => this.tell(person.id, { type: 'beat', heard: person.heard }),
      leave: () => { this.people.delete(person.id); this.present(); },
    };
    const hostTasks = {
      admit: ({ who }) => { this.people.get(who).admitted = true; this.present(); },
      remove: ({ who }) => { this.tell(who, { type: 'removed' }); this.people.delete(who); this.present(); },
      roster: ({ epoch, members, signature }) => {
        const roster = { type: 'roster', from: person.id, epoch, members, signature };
        this.rosters.push(roster);
        this.#others(person, roster);
      },
      end: () => { for (const { id } of this.people.values()) this.tell(id, { type: 'ended', reason: 'host' }); },
    };
    const task = tasks[message.type] ?? (person.role === 'clinician' ? hostTasks[message.type] : null);
    task?.(message);
  }

  #hello(line, { ticket, resume, keys }) {
    // A line that comes back, or a page that is loaded anew: whoever has a ticket of the same person has their place.
    const [role, name] = (ticket ?? 'patient:lost').split(':');
    let person = [...this.people.values()].find((one) => resume && one.resume === resume) ?? this.named(name);
    if (person && this.away.has(person.name)) { line.socket.cut(); return; }
    if (!person) {
      person = { id: randomBytes(8).toString('hex'), role, name, admitted: role === 'clinician' };
    }
    Object.assign(person, { keys, resume: randomBytes(16).toString('hex'), line, socket: line.socket });
    line.person = person;
    this.people.set(person.id, person);
    this.tell(person.id, { type: 'welcome', you: person.id, role: person.role, resume: person.resume, ice: this.ice, relay_only: this.relayOnly, high_risk: false, beat_ms: 10000, visit: 'v', heard: person.heard ?? 0 });
    this.present();
    // To those who wait as well, so that the client is seen to bear a gap between this one and the one that lets it in.
    if (this.rosters.length) this.tell(person.id, this.rosters.at(-1));
    if (!person.admitted) this.tell(person.id, { type: 'waiting', place: 1, late_minutes: 0 });
  }

  present(extra = []) {
    const members = [...this.people.values()].map(({ id, role, name, keys, admitted }) => ({ id, role, label: name, keys, admitted }));
    for (const { id } of this.people.values()) this.tell(id, { type: 'present', members: [...members, ...extra] });
  }

  #others(person, message) {
    for (const other of this.people.values()) if (other !== person && other.admitted) this.tell(other.id, message);
  }

  tell(to, message) {
    const person = this.people.get(to);
    if (!person?.socket) { this.lost.push(message); return; }
    const told = this.lie(message, person);
    if (!told) return;
    person.line.out += 1;
    const text = JSON.stringify({ v: 1, seq: person.line.out, ...told });
    this.memory.push(text);
    person.socket.send(text);
  }

  named(name) { return [...this.people.values()].find((person) => person.name === name); }
}
