// The real server over a demo's data, in a folder that goes away with it, and its command line.

import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { Authenticator } from './totp.js';

const BINARY = process.env.WARDSTONE_BINARY ?? new URL('../../target/debug/wardstone', import.meta.url).pathname;
const START_MS_MAX = 120_000;
const STOP_MS_MAX = 20_000;

export class Clinic {
  /** `outward`: makes the text of a file of endpoints, from the folder of the clinic's data. */
  static async start({ patients = 2, relayOnly = false, clamd = null, outward, idleMinutes } = {}) {
    if (!existsSync(BINARY)) throw new Error(`there is no ${BINARY}: cargo build -p wardstone, or set WARDSTONE_BINARY`);
    const folder = await mkdtemp(join(tmpdir(), 'wardstone-e2e-'));
    const clinic = new Clinic();
    clinic.folder = folder;
    clinic.credentials = join(folder, 'credentials.json');
    clinic.data = ['--data', join(folder, 'data'), '--patients', String(patients), ...(relayOnly ? ['--relay-only'] : []), ...(clamd ? ['--clamd', clamd] : []), ...(idleMinutes ? ['--idle-minutes', String(idleMinutes)] : [])];
    if (outward) {
      const file = join(folder, 'outward.toml');
      await writeFile(file, await outward(join(folder, 'data')));
      clinic.data.push('--outward', file);
    }
    clinic.log = '';
    await clinic.#serve('127.0.0.1:0');
    // It is moved into place whole.
    Object.assign(clinic, JSON.parse(await readFile(clinic.credentials, 'utf8')));
    clinic.authority = await readFile(clinic.ca_cert);
    clinic.authenticators = new Map();
    return clinic;
  }

  /** The server goes away without a word, as when the power fails. */
  async kill() {
    this.server.kill('SIGKILL');
    await this.exited;
  }

  /** It comes back at the address where it was. */
  async startAgain() {
    await rm(this.credentials, { force: true });
    await this.#serve(`127.0.0.1:${new URL(this.base_url).port}`);
  }

  async #serve(listen) {
    const words = ['demo', '--listen', listen, '--admin-listen', '127.0.0.1:0', ...this.data, '--credentials', this.credentials];
    this.server = spawn(BINARY, words, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, RUST_LOG: 'info' },
    });
    this.server.stderr.setEncoding('utf8').on('data', (text) => (this.log += text));
    this.exited = new Promise((resolve) => this.server.once('exit', resolve));
    const until = Date.now() + START_MS_MAX;
    while (!existsSync(this.credentials)) {
      if (this.server.exitCode !== null || Date.now() > until) {
        throw new Error(`the server did not start:\n${this.log}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async stop() {
    this.server.kill('SIGTERM');
    const late = setTimeout(() => this.server.kill('SIGKILL'), STOP_MS_MAX);
    await this.exited;
    clearTimeout(late);
    await rm(this.folder, { recursive: true, force: true });
  }

  /** The first user of a role, or the one of that login. */
  user(name) {
    const user = this.users.find((user) => user.username === name) ?? this.users.find((user) => user.role === name);
    if (!user) throw new Error(`the demo has no ${name}`);
    return user;
  }

  /** The authenticator app of a user: one for all tests, so that no code is used twice. */
  authenticator(user) {
    const held = this.authenticators.get(user.username) ?? new Authenticator(user.totp_secret);
    this.authenticators.set(user.username, held);
    return held;
  }

  /** Runs a command as somebody who signed in on the command line. */
  async command(role, ...words) {
    const user = this.user(role);
    const session = join(this.folder, `${user.username}.session`);
    if (!existsSync(session)) {
      const password = join(this.folder, `${user.username}.password`);
      await writeFile(password, user.password, { mode: 0o600 });
      const how = ['--credentials', this.credentials, '--login', user.username, '--password-file', password];
      await run(['login', ...how], session, { WARDSTONE_TOTP: await this.authenticator(user).code() });
    }
    return run(words, session);
  }

  /** Somebody new, as an administrator lets them in: login and the code that was handed over. */
  async invite(login, name, role) {
    const about = ['--name', name, '--family', name.split(' ').at(-1), '--reason', 'new here'];
    const said = await this.command('admin', 'user', 'invite', login, ...about, '--json');
    const { code } = JSON.parse(said);
    if (role) await this.command('admin', 'role', 'grant', login, role, '--reason', 'first day');
    return { login, code };
  }

  /** What the audit log says, newest first, as the auditor reads it. */
  async events(code) {
    const { entry = [] } = await this.get('/fhir/AuditEvent?_count=200', this.user('auditor').token);
    const events = entry.map((entry) => entry.resource).filter((event) => event.resourceType === 'AuditEvent');
    return code ? events.filter((event) => event.subtype?.some((subtype) => subtype.code === code)) : events;
  }

  async get(path, token) {
    const { status, body } = await this.ask('GET', path, { headers: { authorization: `Bearer ${token}` } });
    if (status !== 200) throw new Error(`GET ${path}: ${status} ${body}`);
    return JSON.parse(body);
  }

  /** A request of no browser. */
  ask(method, path, { headers = {}, body } = {}) {
    return new Promise((resolve, reject) => {
      const options = { method, headers, ca: this.authority, agent: false };
      const asking = request(this.base_url + path, options, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part) => (text += part));
        answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, body: text }));
      });
      asking.on('error', reject).end(body);
    });
  }
}

async function run(words, session, more = {}) {
  const env = { ...process.env, ...more, WARDSTONE_SESSION: session };
  try {
    return (await promisify(execFile)(BINARY, words, { env })).stdout;
  } catch (error) {
    throw new Error(`wardstone ${words.join(' ')}: ${error.stderr}${error.stdout}`);
  }
}
