// A daemon that reads `zINSTREAM` as clamd(8) has it, and finds what holds the words of the test file of eicar.org.

import { createServer } from 'node:net';

const MARK = ['EICAR-STANDARD', 'ANTIVIRUS-TEST-FILE'].join('-');
export const TEST_FILE = ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$', `${MARK}!$H+H*`].join('');

export class Daemon {
  isDeaf = false;

  static async start() {
    const daemon = new Daemon();
    daemon.server = createServer((socket) => daemon.#hear(socket));
    await new Promise((listening) => daemon.server.listen(0, '127.0.0.1', listening));
    daemon.address = `127.0.0.1:${daemon.server.address().port}`;
    return daemon;
  }

  stop() { this.server.close(); }

  #hear(socket) {
    socket.on('error', () => {});
    if (this.isDeaf) { socket.destroy(); return; }
    let heard = Buffer.alloc(0);
    socket.on('data', (part) => {
      heard = Buffer.concat([heard, part]);
      const whole = stream(heard);
      if (!whole) return;
      socket.end(whole.includes(MARK) ? 'stream: Win.Test.EICAR_HDB-1 FOUND\0' : 'stream: OK\0');
    });
  }
}

/** All chunks, once the one without bytes has come. */
function stream(heard) {
  const command = 'zINSTREAM\0';
  if (heard.length < command.length) return null;
  if (heard.subarray(0, command.length).toString() !== command) throw new Error('not clamd’s words');
  const chunks = [];
  for (let at = command.length; at + 4 <= heard.length;) {
    const size = heard.readUInt32BE(at);
    if (size === 0) return Buffer.concat(chunks);
    chunks.push(heard.subarray(at + 4, at + 4 + size));
    at += 4 + size;
  }
  return null;
}
