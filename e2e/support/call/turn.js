// coturn on this machine alone, with credentials that run out, as a clinic would have it.

import { spawn } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { createServer } from 'node:net';

const TURNSERVER = process.env.WARDSTONE_TURNSERVER ?? '/usr/bin/turnserver';
const SECRET = randomBytes(24).toString('hex');

async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

export async function startTurn() {
  const port = await freePort();
  const child = spawn(TURNSERVER, ['-n', '--listening-ip=127.0.0.1', '--relay-ip=127.0.0.1', `--listening-port=${port}`, '--use-auth-secret', `--static-auth-secret=${SECRET}`,
    '--realm=test', '--no-cli', '--no-tls', '--no-dtls', '--allow-loopback-peers', '--log-file=/dev/null', '--pidfile=/dev/null', `--userdb=/tmp/wardstone-turn-${port}.db`], { stdio: 'ignore' });
  const stop = () => new Promise((done) => { child.once('exit', done); child.kill('SIGKILL'); });
  /** `seconds` of life: less than 0 has run out. */
  const servers = (transport, seconds) => {
    const username = `${Math.floor(Date.now() / 1_000) + seconds}:${randomBytes(8).toString('hex')}`;
    return [{ urls: `turn:127.0.0.1:${port}?transport=${transport}`, username, credential: createHmac('sha1', SECRET).update(username).digest('base64') }];
  };
  return { stop, servers };
}
