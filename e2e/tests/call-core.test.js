// The browser's side of an end-to-end encrypted visit, in real browsers, with a relay that is honest or lies.

import assert from 'node:assert/strict';
import test, { after, afterEach, before } from 'node:test';

import { chromium } from 'playwright-core';

import { Relay } from '../support/call/relay.js';
import { startTurn } from '../support/call/turn.js';
import { until as happens } from '../support/wait.js';

const FLAGS = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update',
  '--autoplay-policy=no-user-gesture-required', '--disable-features=WebRtcHideLocalIpsWithMdns',
  // For the relay over TLS alone, whose certificate is made by the test.
  '--ignore-certificate-errors'];
const CAP_MS = 15_000;
const ASHA = { ticket: 'clinician:asha', colour: 'red', pitch: 440 };
const BEN = { ticket: 'patient:ben', colour: 'blue', pitch: 880 };
const CORA = { ticket: 'interpreter:cora', colour: 'green', pitch: 1320 };
let relay, browser;
let contexts = [];
let visits = 0;

before(async () => {
  relay = await Relay.start();
  browser = await chromium.launch({ executablePath: process.env.WARDSTONE_CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
});
after(async () => {
  await browser?.close();
  await relay?.stop();
});
afterEach(async () => {
  await Promise.all(contexts.map((context) => context.close()));
  contexts = [];
  relay.fresh();
});

const until = (what, look) => happens(what, look, CAP_MS, account);

/** What every open page saw, for whoever reads why a test failed. */
async function account() {
  const pages = contexts.flatMap((context) => context.pages());
  const told = await Promise.all(pages.map((page) => page.evaluate(async () => JSON.stringify({ me: call.me, states: seen.states, banners: seen.banners, look: look(), epoch: call.roster?.epoch, present: call.present.length, peers: [...call.peers.values()].map(({ state, theirRun, theirNonce, theirPrint }) => [state, theirRun, !!theirNonce, !!theirPrint]), count: await count() })).catch(String)));
  return [...told, ...pages.flatMap((page) => page.complaints)].join('\n');
}

async function person(who, visit, hooks = {}) {
  const context = await browser.newContext();
  contexts.push(context);
  const page = await context.newPage();
  page.complaints = [];
  page.on('console', (said) => { if (said.type() === 'error' && !/Failed to load|WebSocket/.test(said.text())) page.complaints.push(said.text()); });
  page.on('pageerror', (error) => page.complaints.push(String(error)));
  page.start = async () => {
    await page.goto(`${relay.url}/visit`);
    await page.waitForFunction(() => globalThis.isReady);
    await page.evaluate((given) => startCall(given), { ...who, visit, hooks });
    page.id = await until(`${who.ticket} is welcome`, () => page.evaluate(() => call.me?.id));
  };
  await page.start();
  return page;
}

async function admit(host, guest) {
  await until('the host sees who waits', () => host.evaluate((id) => call.present.some((one) => one.id === id), guest.id));
  await host.evaluate((id) => call.admit(id), guest.id);
}

async function visitOf(...people) {
  visits += 1;
  const visit = `visit-${visits}`;
  const [host, ...guests] = await Promise.all(people.map(([who, hooks]) => person(who, visit, hooks)));
  for (const guest of guests) await admit(host, guest);
  return [host, ...guests];
}

const look = (page) => page.evaluate(() => globalThis.look());
const banner = (page, what) => until(`banner ${what}`, () => page.evaluate((one) => seen.banners.find((shown) => shown.what === one), what));
const reported = (name, what) => until(`event ${what}`, () => relay.events.find((event) => event.who === name && event.what === what));
const arrives = (page, other, { colour, pitch }) => until(`${colour} and ${pitch} Hz arrive`, async () => {
  const seen = (await look(page))[other.id];
  return seen?.colour === colour && Math.abs(seen.pitch - pitch) < 15;
});

test('sound and picture of each person arrive at the other, sealed frame by frame; words and files arrive, and the relay reads none', async () => {
  const [asha, ben] = await visitOf([ASHA], [BEN]);
  await Promise.all([arrives(asha, ben, BEN), arrives(ben, asha, ASHA)]);
  const workers = (one) => (one.side === 'send' ? one.seen : one.dec);
  for (const page of [asha, ben]) {
    const counts = await until('frames of all four kinds are counted', async () => {
      const all = await page.evaluate(() => count());
      return all.every((one) => workers(one) > 20) && all.length >= 4 && all;
    });
    assert.equal(counts.length, 4);
    for (const one of counts) {
      const worker = workers(one);
      assert.equal(one.decErr, 0);
      // The worker reports every 200 ms, so the browser may be a few ahead.
      assert.ok(Math.abs(worker - one.browser) <= 20, JSON.stringify(one));
    }
    assert.ok(await page.evaluate(() => [...call.peers.values()][0].certificatesChecked) >= 1);
  }
  const [one, other] = await Promise.all([asha, ben].map((page) => page.evaluate(() => Object.values(seen.sas)[0])));
  assert.equal(one.emoji.length, 7);
  assert.deepEqual([one.emoji, one.digits], [other.emoji, other.digits]);

  await asha.evaluate(() => call.say('metformin twice a day'));
  const image = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, ...new TextEncoder().encode('a-rash-on-the-left-arm'.repeat(2_000))];
  await asha.evaluate((bytes) => call.sendFile('rash.png', Uint8Array.from(bytes)), image);
  const chat = await until('words and file', () => ben.evaluate(() => seen.chat.length === 2 && seen.chat));
  assert.equal(chat[0].text, 'metformin twice a day');
  assert.equal(chat[1].name, 'rash.png');
  assert.deepEqual(chat[1].bytes, image);
  await assert.rejects(asha.evaluate(() => call.sendFile('x.exe', Uint8Array.of(0x4d, 0x5a, 0, 0))), /not taken/);
  const kept = relay.memory.join('\n');
  // Long enough that no ciphertext of this size has one of them by chance; at each place in which base64 may begin.
  for (const plain of ['metformin twice', 'rash-on-the-left-arm']) {
    const coded = [0, 1, 2].map((skip) => Buffer.from(plain.slice(skip)).toString('base64url').slice(0, -2));
    for (const form of [plain, ...coded]) assert.ok(!kept.includes(form), form);
  }
  assert.ok(kept.includes('\\"kind\\":\\"chunk\\"'));
  await asha.evaluate((id) => call.confirmSas(id, true), ben.id);
  await reported('asha', 'sas-confirmed');
  for (const page of [asha, ben]) {
    assert.deepEqual(page.complaints, []);
    assert.deepEqual(await page.evaluate(() => seen.banners), []);
  }

  // Had the words differed, nothing more would go out, and what is said afterwards is not for the other.
  const keys = () => relay.memory.map((text) => JSON.parse(text)).filter(({ type, from }) => type === 'say' && from === ben.id).map(({ box }) => JSON.parse(box).key);
  let said = 0;
  const speak = (how, words) => {
    said += 1;
    return ben.evaluate(([how, words]) => call[how](words), [how, words]);
  };
  // What no page shows tells the relay under which key he speaks.
  await speak('notice', 'a test');
  await until('he is heard under a key', () => keys().length === said);
  await ben.evaluate((id) => call.confirmSas(id, false), asha.id);
  await reported('ben', 'sas-refused');
  await until('both stopped', async () => (await Promise.all([asha, ben].map((page) => page.evaluate(() => [...call.peers.values()][0].state)))).every((state) => state === 'stopped'));
  await until('he is heard under another', async () => {
    await speak('notice', 'a test');
    return new Set(keys()).size === 2;
  });
  await speak('say', 'not for her');
  await until('all of it is relayed to her', () => keys().length === said);
  // What the relay says next she hears next.
  await asha.evaluate(() => { globalThis.listed = call.present; });
  relay.present();
  await until('she has heard it', () => asha.evaluate(() => call.present !== globalThis.listed));
  assert.equal(await asha.evaluate(() => seen.chat.length), 0);
});

test('a third person joins by mesh and leaves, and every join and leave rotates the keys', async () => {
  const [asha, ben, cora] = await visitOf([ASHA], [BEN], [CORA]);
  await Promise.all([arrives(asha, ben, BEN), arrives(asha, cora, CORA), arrives(ben, asha, ASHA), arrives(ben, cora, CORA), arrives(cora, asha, ASHA), arrives(cora, ben, BEN)]);
  const before = await ben.evaluate(() => seen.roster.epoch);
  assert.equal(before, 3);
  const keys = relay.memory.filter((text) => text.includes('"kind":"key"')).map((text) => JSON.parse(text).body.epoch);
  await asha.evaluate((id) => call.remove(id), cora.id);
  await until('the epoch rises', () => ben.evaluate(() => seen.roster.epoch === 4 && seen.roster.members.length === 2));
  await until('new keys go round', () => relay.memory.filter((text) => text.includes('"kind":"key"') && JSON.parse(text).body.epoch === 4).length === 2);
  assert.ok(keys.filter((epoch) => epoch === 3).length >= 6);
  const counted = (page) => page.evaluate(() => call.counters.filter(({ side }) => side === 'recv').reduce((sum, { dec }) => sum + dec, 0));
  const heard = await counted(ben);
  await until('frames open under the new keys', async () => await counted(ben) > heard + 100);
  await arrives(ben, asha, ASHA);
  assert.deepEqual(await ben.evaluate(() => seen.banners), []);
  // With three, browsers try the line harder, with copies of packets: no copy is taken for a replay.
  const replays = await Promise.all([asha, ben].map((page) => page.evaluate(() => call.counters.map(({ replay }) => replay))));
  assert.deepEqual(new Set(replays.flat()), new Set([0]));
});

test('a line that is cut for five seconds ends no call, and a refreshed page is the same participant', async () => {
  const [asha, ben] = await visitOf([ASHA], [BEN]);
  await Promise.all([arrives(asha, ben, BEN), arrives(ben, asha, ASHA)]);
  const received = () => ben.evaluate(() => call.counters.filter(({ side }) => side === 'recv').reduce((sum, { dec }) => sum + dec, 0));
  relay.isDown = true;
  for (const one of relay.people.values()) one.socket.cut();
  const atCut = await received();
  await new Promise((done) => { setTimeout(done, 5_000); });
  assert.ok(await received() > atCut + 100);
  relay.isDown = false;
  await reported('ben', 'reconnected');
  await reported('asha', 'reconnected');
  assert.equal(await ben.evaluate(() => [...call.peers.values()][0].state), 'connected');

  const { id } = ben;
  await ben.start();
  assert.equal(ben.id, id);
  await Promise.all([arrives(asha, ben, BEN), arrives(ben, asha, ASHA)]);
  assert.deepEqual(await asha.evaluate(() => seen.banners), []);
  assert.deepEqual(await ben.evaluate(() => seen.banners), []);
});

test('a page that is loaded anew while the line of the other is away is met again when it is back', async () => {
  const [asha, ben] = await visitOf([ASHA], [BEN]);
  await Promise.all([arrives(asha, ben, BEN), arrives(ben, asha, ASHA)]);
  relay.away.add('asha');
  relay.named('asha').socket.cut();
  await ben.start();
  // What he says first is for nobody: whoever runs the line keeps nothing for those who are away.
  await until('his first word is lost', () => relay.lost.some(({ from, body }) => from === ben.id && body?.kind === 'open'));
  relay.away.clear();
  await Promise.all([arrives(asha, ben, BEN), arrives(ben, asha, ASHA)]);
  for (const page of [asha, ben]) assert.deepEqual(await page.evaluate(() => seen.banners), []);
});

test('each kind of word between two members may be lost once, in both directions, and the call begins all the same', async () => {
  const lost = new Set();
  relay.lie = (message, { name }) => {
    const place = `${message.body?.kind} to ${name}`;
    if (message.type !== 'signal' || lost.has(place)) return message;
    lost.add(place);
    return null;
  };
  const [asha, ben] = await visitOf([ASHA], [BEN]);
  await Promise.all([arrives(asha, ben, BEN), arrives(ben, asha, ASHA)]);
  for (const kind of ['open', 'reveal', 'binding', 'key', 'description', 'got']) for (const name of ['asha', 'ben']) assert.ok(lost.has(`${kind} to ${name}`), `${kind} to ${name}`);
  // A key that is lost on the way, later, comes again too.
  lost.delete('key to ben');
  const cora = await person(CORA, `visit-${visits}`);
  await admit(asha, cora);
  await until('a key was lost', () => lost.has('key to ben'));
  await Promise.all([arrives(ben, asha, ASHA), arrives(ben, cora, CORA), arrives(cora, ben, BEN)]);
  for (const page of [asha, ben, cora]) assert.deepEqual(await page.evaluate(() => seen.banners), []);
});

test('what was said into a line that was dead already is heard when it is back, once', async () => {
  const [asha, ben] = await visitOf([ASHA], [BEN]);
  await Promise.all([arrives(asha, ben, BEN), arrives(ben, asha, ASHA)]);
  // As on a network that is gone: nothing arrives, and nobody is told so yet.
  const { socket } = relay.named('ben');
  socket.stream.pause();
  await ben.evaluate(() => call.say('it hurts here'));
  await ben.evaluate(() => call.say('and here'));
  await until('it stands in no memory', () => relay.memory.filter((text) => text.includes('"type":"say"')).length === 0);
  socket.cut();
  await until('both words', () => asha.evaluate(() => seen.chat.length >= 2));
  await asha.evaluate(() => call.say('I see'));
  await until('an answer', () => ben.evaluate(() => seen.chat.length === 1));
  assert.deepEqual(await asha.evaluate(() => seen.chat.map(({ text }) => text)), ['it hurts here', 'and here']);
});

test('a fingerprint that the relay swaps is refused before anything connects', async () => {
  relay.lie = (message) => {
    if (message.body?.kind !== 'description') return message;
    const { description } = message.body;
    const sdp = description.sdp.replace(/(a=fingerprint:sha-256 )\S+/g, `$1${Array(32).fill('AB').join(':')}`);
    return { ...message, body: { ...message.body, description: { ...description, sdp } } };
  };
  const [, ben] = await visitOf([ASHA], [BEN]);
  await banner(ben, 'fingerprint-mismatch');
  await reported('ben', 'fingerprint-mismatch');
  assert.deepEqual(await ben.evaluate(() => [...call.peers.values()].map(({ state, connectedMs = null }) => [state, connectedMs])), [['stopped', null]]);
});

test('a certificate in use that is not the signed one stops a call that is already up', async () => {
  const [asha, ben] = await visitOf([ASHA], [BEN]);
  await arrives(asha, ben, BEN);
  await asha.evaluate(() => {
    const [peer] = call.peers.values();
    peer.theirPrint = Array(32).fill('AB').join(':');
    return peer.checkCertificate();
  });
  await banner(asha, 'fingerprint-mismatch');
  assert.ok(await asha.evaluate(() => [...call.peers.values()][0].pc.signalingState === 'closed'));
});

test('forged, replayed and skipped rosters, and ghosts that the server lists or speaks for, are refused and shown', async () => {
  const [asha, ben] = await visitOf([ASHA], [BEN]);
  await arrives(ben, asha, ASHA);
  const [first, last] = [relay.rosters[0], relay.rosters.at(-1)];
  const ghost = 'feedfeedfeedfeed';
  const keys = { sign: ben.id, seal: ben.id };
  relay.tell(ben.id, { ...last, epoch: last.epoch + 1, members: [...last.members, { id: ghost, role: 'family', ...keys }] });
  relay.tell(ben.id, first);
  relay.tell(ben.id, { type: 'signal', from: ghost, body: { kind: 'open', run: 'x', commit: 'y' } });
  relay.present([{ id: ghost, role: 'family', label: 'nobody', keys, admitted: true }]);
  await until('all are shown', async () => {
    const shown = await ben.evaluate(() => seen.banners.map(({ what, detail }) => `${what} ${detail}`));
    return ['roster-forged forged', 'roster-forged replayed', 'ghost signal', 'ghost listed'].every((one) => shown.includes(one));
  });
  await reported('ben', 'roster-forged');
  await reported('ben', 'ghost');
  await reported('asha', 'ghost');
  assert.deepEqual(await ben.evaluate(() => [seen.roster.epoch, call.peers.size]), [2, 1]);
  relay.lie = (message) => (message.type === 'roster' && message.epoch === 3 ? null : message);
  const cora = await person(CORA, `visit-${visits}`);
  await admit(asha, cora);
  await asha.evaluate((id) => call.remove(id), cora.id);
  await until('a skipped epoch is refused', () => ben.evaluate(() => seen.banners.some(({ detail }) => detail === 'skipped')));
});

test('a sender key that is not the one in use opens nothing, and is shown', async () => {
  const [asha, ben] = await visitOf([ASHA, { wrongSenderKey: true }], [BEN]);
  const shown = await banner(ben, 'e2ee-failed');
  assert.equal(shown.detail, 'cannot-open');
  await reported('ben', 'e2ee-failed');
  assert.notEqual((await look(ben))[asha.id]?.colour, 'red');
});

test('frames that are sent again open no second time, and many of them stop the call', async () => {
  const [asha, ben] = await visitOf([ASHA, { repeatFrames: true }], [BEN]);
  const shown = await banner(ben, 'e2ee-failed');
  assert.equal(shown.detail, 'replayed');
  await reported('ben', 'e2ee-failed');
  await until('both stopped', () => asha.evaluate(() => [...call.peers.values()].every(({ state }) => state === 'stopped')));
});

test('a sender whose frames go around the worker is caught, and its camera was never let on', async () => {
  const [asha, ben] = await visitOf([ASHA], [BEN, { noSendTransform: true }]);
  const shown = await banner(ben, 'e2ee-failed');
  assert.equal(shown.detail, 'sent-around-the-worker');
  await reported('ben', 'e2ee-failed');
  assert.ok(await ben.evaluate(() => [...call.peers.values()].every(({ state, pc }) => state === 'stopped' && pc.signalingState === 'closed')));
  assert.notEqual((await look(asha))[ben.id]?.colour, 'blue');
});

test('sendrecv transceivers, on which a browser silently runs one transform only, are caught and stopped', async () => {
  const pages = await visitOf([ASHA, { sendrecv: true }], [BEN, { sendrecv: true }]);
  // Which side loses its transform depends on the browser's version; whichever it is, that side sees it and both stop.
  const shown = await until('a banner', async () => {
    const all = await Promise.all(pages.map((page) => page.evaluate(() => seen.banners)));
    return all.flat().find(({ what }) => what === 'e2ee-failed');
  });
  assert.match(shown.detail, /around-the-worker/);
  for (const page of pages) await until('both stopped', () => page.evaluate(() => [...call.peers.values()].every(({ state, pc }) => state === 'stopped' && pc.signalingState === 'closed')));
});

test('relay only goes through TURN by UDP, by TCP and by TLS, and with a credential that ran out not at all', async () => {
  const turn = await startTurn();
  try {
    relay.relayOnly = true;
    for (const transport of ['udp', 'tcp', 'tls']) {
      relay.ice = turn.servers(transport, 600);
      const [asha, ben] = await visitOf([ASHA], [BEN]);
      await Promise.all([arrives(asha, ben, BEN), arrives(ben, asha, ASHA)]);
      const ways = await asha.evaluate(async () => {
        const reports = await [...call.peers.values()][0].pc.getStats();
        const pair = [...reports.values()].find(({ type, nominated, state }) => type === 'candidate-pair' && nominated && state === 'succeeded');
        const { candidateType, relayProtocol } = reports.get(pair.localCandidateId);
        return [candidateType, relayProtocol, reports.get(pair.remoteCandidateId).candidateType];
      });
      assert.deepEqual(ways, ['relay', transport, 'relay']);
      await Promise.all(contexts.splice(0).map((context) => context.close()));
      relay.people.clear();
      relay.rosters = [];
    }
    relay.ice = turn.servers('udp', -60);
    const [asha, ben] = await visitOf([ASHA], [BEN]);
    await until('they try', () => ben.evaluate(() => [...call.peers.values()][0]?.pc?.iceGatheringState === 'complete'));
    await new Promise((done) => { setTimeout(done, 2_000); });
    for (const page of [asha, ben]) assert.deepEqual(await page.evaluate(() => [...call.peers.values()].map(({ connectedMs }) => connectedMs ?? null)), [null]);
    assert.ok(!relay.memory.some((text) => text.includes('typ relay') && text.includes(ben.id)));
  } finally { await turn.stop(); }
});

test('what this browser kept of a visit that was not closed goes a day later, with the next one', async () => {
  const asha = await person(ASHA, 'visit-drawer');
  const kept = await asha.evaluate(async () => {
    const { Drawer } = await import('/assets/call/keys.js');
    const drawer = await Drawer.open();
    const { now } = Date;
    await drawer.put('of-today', 'keys', 'today');
    Date.now = () => now() - 25 * 3_600_000;
    await drawer.put('of-yesterday', 'keys', 'yesterday');
    Date.now = now;
    const before = await drawer.get('of-yesterday', 'keys');
    const next = await Drawer.open();
    return [before, await next.get('of-yesterday', 'keys'), await next.get('of-today', 'keys')];
  });
  assert.deepEqual(kept, ['yesterday', undefined, 'today']);
});
