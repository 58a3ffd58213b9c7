// A mail server that takes what it is given over TLS (RFC 5321, RFC 8314) and delivers nothing: what it took is for tests to read.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';

import { until } from './wait.js';

const WAIT_MS_MAX = 60_000;

export class MailServer {
  static async start() {
    const mail = new MailServer();
    mail.messages = [];
    /** For as long as it holds, whoever sends is asked to try again later. */
    mail.isBusy = false;
    mail.server = createServer((socket) => mail.#serve(socket).catch(() => socket.destroy()));
    mail.server.listen(0, '127.0.0.1');
    await once(mail.server, 'listening');
    return mail;
  }

  /** As a file of endpoints. It shows the certificate of the clinic in `data`, which is for localhost, and is trusted as that. */
  endpoints(data, vendor) {
    this.folder = join(data, 'tls');
    const { port } = this.server.address();
    return `[email]\nhost = "localhost"\nport = ${port}\nfrom = "visits@clinic.example"\nvendor = "${vendor}"\nca_cert = "${join(this.folder, 'ca.pem')}"\n`;
  }

  stop() {
    this.server.close();
  }

  /** The first message that fits, with its lines as they were before quoted-printable broke them. */
  message(fits) {
    return until('such a message came', () => this.messages.map(unquoted).find(fits), WAIT_MS_MAX, () => `${this.messages.length} others did`);
  }

  async #serve(plain) {
    const [key, cert] = await Promise.all(['key.pem', 'chain.pem'].map((name) => readFile(join(this.folder, name))));
    const socket = new TLSSocket(plain, { isServer: true, key, cert });
    socket.on('error', () => {});
    let [heard, isData] = ['', false];
    const say = (line) => socket.write(`${line}\r\n`);
    say('220 mail');
    socket.setEncoding('latin1').on('data', (text) => {
      heard += text;
      for (;;) {
        const end = heard.indexOf(isData ? '\r\n.\r\n' : '\r\n');
        if (end < 0) return;
        const part = heard.slice(0, end);
        heard = heard.slice(end + (isData ? 5 : 2));
        if (isData) {
          isData = false;
          this.messages.push(Buffer.from(part, 'latin1').toString('utf8'));
          say('250 taken');
        } else if (part.startsWith('MAIL') && this.isBusy) {
          say('451 try again later');
        } else if (part === 'DATA') {
          isData = true;
          say('354 go on');
        } else {
          say(part === 'QUIT' ? '221 bye' : '250 ok');
        }
      }
    });
  }
}

function unquoted(message) {
  const bytes = message.replaceAll('=\r\n', '').replaceAll(/=([0-9A-F]{2})/g, (_, code) => String.fromCharCode(parseInt(code, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
