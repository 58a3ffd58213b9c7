// coturn on this machine alone, with credentials that run out, as a clinic would have it.

import { execFile, spawn } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const TURNSERVER = process.env.WARDSTONE_TURNSERVER ?? '/usr/bin/turnserver';
const SECRET = randomBytes(24).toString('hex');

async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** A certificate that nobody vouches for: the browser of these tests is told to look past that. */
async function certificate(folder) {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  await promisify(execFile)('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=localhost',
    '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key, '-out', cert]);
  return { key, cert };
}

export async function startTurn() {
  const [port, tlsPort] = [await freePort(), await freePort()];
  const folder = await mkdtemp(join(tmpdir(), 'wardstone-turn-'));
  const { key, cert } = await certificate(folder);
  const child = spawn(TURNSERVER, ['-n', '--listening-ip=127.0.0.1', '--relay-ip=127.0.0.1', `--listening-port=${port}`, '--use-auth-secret', `--static-auth-secret=${SECRET}`,
    '--realm=test', '--no-cli', '--no-dtls', `--tls-listening-port=${tlsPort}`, `--cert=${cert}`, `--pkey=${key}`, '--allow-loopback-peers', '--log-file=/dev/null', '--pidfile=/dev/null', `--userdb=${join(folder, 'users.db')}`], { stdio: 'ignore' });
  const stop = async () => {
    await new Promise((done) => { child.once('exit', done); child.kill('SIGKILL'); });
    await rm(folder, { recursive: true, force: true });
  };
  /** `transport`: udp, tcp or tls. `seconds` of life: less than 0 has run out. */
  const servers = (transport, seconds) => {
    const username = `${Math.floor(Date.now() / 1_000) + seconds}:${randomBytes(8).toString('hex')}`;
    const urls = transport === 'tls' ? `turns:localhost:${tlsPort}?transport=tcp` : `turn:127.0.0.1:${port}?transport=${transport}`;
    return [{ urls, username, credential: createHmac('sha1', SECRET).update(username).digest('base64') }];
  };
  return { stop, servers };
}
