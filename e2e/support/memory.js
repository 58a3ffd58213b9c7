// What a running process holds in memory, and what went over the loopback, searched for bytes.

import { spawn } from 'node:child_process';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const PART = 8 * 1024 * 1024;
/** As long as the longest that is looked for, so that nothing hides where two parts meet. */
const OVERLAP = 512;
const ZEROS = Buffer.alloc(4_096);
const XTASK = process.env.WARDSTONE_XTASK ?? join(dirname(process.env.WARDSTONE_BINARY ?? new URL('../../target/debug/wardstone', import.meta.url).pathname), 'xtask');

/** Every form in which the words may stand somewhere: as text, in 16 bits, and in base64 wherever it begins. */
export function formsOf(words) {
  const plain = Buffer.from(words);
  const coded = [0, 1, 2].flatMap((skip) => {
    // The last letters depend on what follows.
    const text = plain.subarray(skip).toString('base64').replace(/=+$/, '').slice(0, -2);
    return [Buffer.from(text), Buffer.from(text.replaceAll('+', '-').replaceAll('/', '_'))];
  });
  return [plain, Buffer.from(words, 'utf16le'), Buffer.from(words, 'utf16le').swap16(), ...coded];
}

/** Which of `markers` (name to list of bytes) stand in these bytes; found ones are added to `found`. */
function search(bytes, markers, found) {
  for (const [name, forms] of Object.entries(markers)) if (!found.has(name) && forms.some((form) => bytes.includes(form))) found.add(name);
}

/** The runs that are not all zeros: most of what a process has was never written to. */
function* written(bytes) {
  let from = null;
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const block = bytes.subarray(at, at + ZEROS.length);
    const isEmpty = block.equals(block.length === ZEROS.length ? ZEROS : ZEROS.subarray(0, block.length));
    if (isEmpty && from !== null) { yield bytes.subarray(from, at); from = null; }
    if (!isEmpty) from ??= at;
  }
  if (from !== null) yield bytes.subarray(from);
}

/** Null where this may not be read; else the names that were found, and how many bytes were looked through. */
export async function inMemory(pid, markers) {
  const found = new Set();
  let read = 0;
  let memory;
  try { memory = await open(`/proc/${pid}/mem`, 'r'); } catch { return null; }
  try {
    const buffer = Buffer.alloc(PART);
    for (const line of (await readFile(`/proc/${pid}/maps`, 'utf8')).split('\n')) {
      // What the process may write to; a read-only mapping is a file as it lies on the disk.
      const [, from, to] = line.match(/^([0-9a-f]+)-([0-9a-f]+) rw/) ?? [];
      if (!from) continue;
      const end = parseInt(to, 16);
      for (let at = parseInt(from, 16); at < end; at += PART - OVERLAP) {
        const bytes = buffer.subarray(0, Math.min(PART, end - at));
        // What was given back meanwhile cannot be read, and holds nothing.
        const { bytesRead } = await memory.read(bytes, 0, bytes.length, at).catch(() => ({ bytesRead: 0 }));
        read += bytesRead;
        for (const run of written(bytes.subarray(0, bytesRead))) search(run, markers, found);
      }
    }
  } finally { await memory.close(); }
  return { found: [...found].sort(), read };
}

/** Every packet of every interface from now on. `stop` gives what was found, or null where packets may not be captured. */
export async function capture() {
  const folder = await mkdtemp(join(tmpdir(), 'wardstone-capture-'));
  const file = join(folder, 'packets');
  const child = spawn(XTASK, ['capture', file], { stdio: ['pipe', 'pipe', 'ignore'] });
  const begun = await new Promise((done) => {
    child.once('error', () => done(false));
    child.once('exit', () => done(false));
    child.stdout.once('data', () => done(true));
  });
  return {
    isOn: begun,
    async stop(markers) {
      if (begun) {
        const exited = new Promise((done) => child.once('exit', done));
        child.stdin.end();
        await exited;
      }
      const found = new Set();
      let read = 0;
      if (begun) {
        const packets = await open(file, 'r');
        for (let at = 0; ; at += PART - OVERLAP) {
          const bytes = Buffer.alloc(PART);
          const { bytesRead } = await packets.read(bytes, 0, PART, at);
          read = Math.max(read, at + bytesRead);
          search(bytes.subarray(0, bytesRead), markers, found);
          if (bytesRead < PART) break;
        }
        await packets.close();
      }
      await rm(folder, { recursive: true, force: true });
      return begun ? { found: [...found].sort(), read } : null;
    },
  };
}
