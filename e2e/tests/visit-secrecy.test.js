// What a visit leaves in the memory of the server and on the wire, while it runs through the server's own relay: nothing that was said or shown.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import test from 'node:test';

import { house } from '../support/house.js';
import { capture, formsOf, inMemory } from '../support/memory.js';
import { bothCome, enterCall, look, noBanner } from '../support/video.js';
import { until } from '../support/wait.js';

const WORDS = 'The tick bite behind my left knee is spreading since Thursday';
const FILE = `%PDF-1.4 the shape of the rash, drawn by hand and photographed twice ${'and once more by daylight '.repeat(40)}`;
const DATAGRAM = 'a datagram that everybody on the wire can read 7710';
const FRAMES = 6;
const SLICE = 24;
/** What the codec says readably, and as much again. */
const CLEAR = 20;
const here = house({ patients: 6, media: true, relayOnly: true });

/** Keeps copies of frames as they are before they are sealed, in the page that made them. */
function tap() {
  globalThis.tapped = { audio: [], video: [] };
  const Thread = globalThis.Worker;
  globalThis.Worker = class extends Thread {
    constructor(...given) {
      super(...given);
      this.addEventListener('message', ({ data }) => {
        const kept = data.tapped && globalThis.tapped[data.tapped];
        if (kept && kept.length < 400) kept.push(data.frame);
      });
    }
  };
  const Transform = globalThis.RTCRtpScriptTransform;
  globalThis.RTCRtpScriptTransform = class extends Transform {
    constructor(worker, options) { super(worker, { ...options, isTapped: options.side === 'send' }); }
  };
}

/** Pieces of frames that nothing else would hold by chance: long, and of many different bytes. */
function pieces([clear, slice, most]) {
  const pick = (frames) => frames.map((frame) => new Uint8Array(frame)).filter(({ length }) => length >= clear + slice)
    .map((frame) => [...frame.subarray(clear, clear + slice)]).filter((piece) => new Set(piece).size >= slice / 2).slice(-most);
  return { audio: pick(globalThis.tapped.audio), video: pick(globalThis.tapped.video) };
}

test('while a visit runs, neither the memory of the server nor a capture of every packet holds words, file, picture or sound', async (t) => {
  const packets = await capture();
  const two = await bothCome(here, { more: [tap] });
  const said = [];
  const relays = [];
  two.patient.on('websocket', (line) => {
    line.on('framesent', ({ payload }) => said.push(payload));
    line.on('framereceived', ({ payload }) => { const { type, servers } = JSON.parse(payload); if (type === 'ice') relays.push(...servers); });
  });
  await enterCall(two);
  for (const page of [two.host, two.patient]) assert.deepEqual((await until('a way is chosen', () => look(page, 'way')))[2], 'relay');
  await look(two.patient, 'say', WORDS);
  await look(two.patient, 'sendFile', { name: 'rash.pdf', text: FILE });
  await two.host.getByText(WORDS).waitFor();
  await two.host.getByText('rash.pdf').first().waitFor();
  // The controls: what does stand there in clear is found by the same search.
  const socket = createSocket('udp4');
  await new Promise((done) => { socket.send(DATAGRAM, 9, '127.0.0.1', done); });
  socket.close();

  const frames = {};
  for (const [name, page] of Object.entries({ host: two.host, patient: two.patient })) {
    const found = await until('enough frames', () => page.evaluate(pieces, [CLEAR, SLICE, FRAMES]).then((one) => one.video.length >= FRAMES && one));
    for (const kind of ['audio', 'video']) found[kind].forEach((piece, at) => { frames[`${kind} ${at} of ${name}`] = [Buffer.from(piece)]; });
    t.diagnostic(`${name}: ${found.video.length} pieces of pictures, ${found.audio.length} of sound`);
  }
  const secret = {
    words: formsOf(WORDS), 'part of the words': formsOf('behind my left knee'),
    file: formsOf('drawn by hand and photographed'), 'the name of the file': formsOf('rash.pdf'), ...frames,
  };
  const box = JSON.parse(said.map((text) => JSON.parse(text)).find(({ type }) => type === 'say').box).box;
  const username = relays.find((one) => one.username).username;
  assert.ok(Object.keys(frames).some((name) => name.startsWith('audio')), 'there is sound to look for');

  const memory = await inMemory(here.clinic.server.pid, { ...secret, 'control: sealed words': [Buffer.from(box)] });
  const wire = await packets.stop({ ...secret, 'control: a datagram': [Buffer.from(DATAGRAM)], 'control: a name at the relay': [Buffer.from(username)] });
  await noBanner(two.host, two.patient);
  await two.close();
  if (memory) {
    t.diagnostic(`memory: ${Math.round(memory.read / 1e6)} MB`);
    assert.deepEqual(memory.found, ['control: sealed words']);
  }
  if (wire) {
    t.diagnostic(`packets: ${Math.round(wire.read / 1e3)} kB`);
    assert.deepEqual(wire.found, ['control: a datagram', 'control: a name at the relay']);
  }
  const lacking = [!memory && 'the memory of the server', !wire && 'packets (CAP_NET_RAW and the xtask program are needed)'].filter(Boolean);
  if (lacking.length) t.skip(`not looked at: ${lacking.join(', ')}`);
});
