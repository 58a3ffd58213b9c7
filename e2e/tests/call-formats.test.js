// The formats of a visit, by published vectors and by what they refuse. No browser: node has the same WebCrypto.

import assert from 'node:assert/strict';
import test from 'node:test';

import { until } from '../support/wait.js';

const at = (name) => import(`../../crates/web/assets/call/${name}.js`);
const hex = (bytes) => Buffer.from(bytes).toString('hex');
const unhex = (text) => Uint8Array.from(Buffer.from(text, 'hex'));
const { webcrypto } = await import('node:crypto');
const hpke = await at('hpke');
const frames = await at('frames');
const keys = await at('keys');
const { Roster, signRoster } = await at('roster');
const { climb, freshLadder, judge, LADDER } = await at('monitor');
const { Signal } = await at('signal');
const { Talk, kindOf } = await at('talk');

async function x25519(d, x) {
  const jwk = { kty: 'OKP', crv: 'X25519', x: Buffer.from(x, 'hex').toString('base64url') };
  const { subtle } = webcrypto;
  return {
    publicKey: await subtle.importKey('jwk', jwk, { name: 'X25519' }, true, []),
    privateKey: await subtle.importKey('jwk', { ...jwk, d: Buffer.from(d, 'hex').toString('base64url') }, { name: 'X25519' }, false, ['deriveBits']),
  };
}
async function device() {
  const { subtle } = webcrypto;
  return keys.DeviceKeys.from({
    sign: await subtle.generateKey({ name: 'Ed25519' }, false, ['sign', 'verify']),
    seal: await subtle.generateKey({ name: 'X25519' }, false, ['deriveBits']),
    nonce: keys.freshNonce(),
  });
}
const member = (id, role, device) => ({ id: id.repeat(16), role, sign: device.public.sign, seal: device.public.seal });

test('sealing agrees with RFC 9180, A.1.1, and P-256 keys go round as well', async () => {
  const ephemeral = await x25519('52c4a758a802cd8b936eceea314432798d5baf2d7e9235dc084ab1b9cfa2f736', '37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431');
  const mine = await x25519('4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8', '3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d');
  const [info, aad, plain] = ['4f6465206f6e2061204772656369616e2055726e', '436f756e742d30', '4265617574792069732074727574682c20747275746820626561757479'].map(unhex);
  const publicKey = unhex('3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d');
  const { enc, box } = await hpke.seal(publicKey, info, aad, plain, { ephemeral, keySize: 16 });
  assert.equal(hex(enc), '37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431');
  assert.equal(hex(box), 'f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a');
  assert.deepEqual(await hpke.open(mine, enc, info, aad, box, { keySize: 16 }), plain);
  const pair = await webcrypto.subtle.generateKey(hpke.KEMS.p256.algorithm, false, ['deriveBits']);
  const sealed = await hpke.seal(new Uint8Array(await webcrypto.subtle.exportKey('raw', pair.publicKey)), info, aad, plain);
  assert.deepEqual(await hpke.open(pair, sealed.enc, info, aad, sealed.box), plain);
  await assert.rejects(hpke.open(pair, sealed.enc, aad, aad, sealed.box));
});

test('frame keys and sealed frames agree with RFC 9605, C.3, in both suites', async () => {
  const vectors = {
    4: '9901234567b7412c2513a1b66dbb48841bbaf17f598751176ad847681a69c6d0b091c07018ce4adb34eb',
    5: '990123456794f509d36e9beacb0e261d99c7d1e972f1fed787d4049f17ca21353c1cc24d56ceabced279',
  };
  for (const [suite, sealed] of Object.entries(vectors)) {
    const held = await frames.deriveKey(unhex('000102030405060708090a0b0c0d0e0f'), 0x123n, Number(suite));
    assert.equal(hex(held.salt), { 4: '75234edefe07819026751816', 5: '84991c167b8cd23c93708ec7' }[suite]);
    assert.equal(hex(await frames.sealPlain(held, 0x4567n, unhex('4945544620534672616d65205747'), unhex('64726166742d696574662d736672616d652d656e63'))), sealed);
  }
  for (const [kid, counter] of [[0n, 0n], [7n, 8n], [8n, 255n], [0x123n, 0x4567n], [256n, 1n << 39n]]) {
    const head = frames.header(kid, counter);
    assert.deepEqual(frames.parseHeader(head), { kid, counter, size: head.length });
  }
});

test('a frame opens once, under its own key, with every byte as it was; old keys open for ten seconds more', async () => {
  const base = webcrypto.getRandomValues(new Uint8Array(32));
  const send = new frames.SendKey();
  assert.equal(await send.seal('video', new Uint8Array(50)), null);
  await send.use(base, 17n);
  const receive = new frames.ReceiveKeys();
  const frame = webcrypto.getRandomValues(new Uint8Array(60));
  const sealed = await send.seal('video', frame);
  assert.deepEqual(await receive.open('video', sealed, 0), { refused: 'no-key' });
  await receive.add(base, 17n, 0);
  for (let place = 1; place < sealed.length; place += 1) {
    const bent = sealed.slice();
    bent[place] ^= 1;
    assert.ok((await receive.open('video', bent, 0)).refused, `byte ${place}`);
  }
  assert.ok((await receive.open('audio', sealed, 0)).refused);
  assert.deepEqual((await receive.open('video', sealed, 0)).frame, frame);
  assert.deepEqual(await receive.open('video', sealed, 0), { refused: 'replay' });
  // The copy that the browser hands over opens no second time either, and is told from one at another moment.
  const next = await send.seal('video', frame);
  assert.ok((await receive.open('video', next, 0, '7/1000')).frame);
  assert.deepEqual(await receive.open('video', next, 0, '7/1000'), { refused: 'again' });
  assert.deepEqual(await receive.open('video', next, 0, '7/1001'), { refused: 'replay' });
  const many = await Promise.all(Array.from({ length: 64 }, (_, turn) => send.seal(turn % 2 ? 'audio' : 'video', new Uint8Array(40).fill(1))));
  const counters = many.map((one, turn) => frames.parseHeader(one.subarray(turn % 2 ? 1 : 3)).counter);
  assert.equal(new Set(counters).size, 64);
  await receive.add(webcrypto.getRandomValues(new Uint8Array(32)), 33n, 1_000);
  assert.ok((await receive.open('video', await send.seal('video', frame), 10_999)).frame);
  assert.deepEqual(await receive.open('video', await send.seal('video', frame), 11_000), { refused: 'no-key' });
});

test('a binding holds for exactly what was signed and not after its time; both sides read the same words', async () => {
  const [asha, ben] = await Promise.all([device(), device()]);
  const [one, other] = [keys.freshNonce(), keys.freshNonce()];
  const fingerprint = Array(32).fill('0A').join(':');
  const given = { visit: 'v', epoch: 3, role: 'patient', id: 'b'.repeat(16), fingerprint, nonceSelf: one, noncePeer: other };
  const body = await keys.signBinding(ben, given, 1_000);
  const expected = { ...given, sign: ben.signPublic, seal: ben.sealPublic };
  assert.equal(await keys.verifyBinding(body, expected, 2_000), true);
  const wrongs = [{ visit: 'w' }, { role: 'clinician' }, { id: 'c'.repeat(16) }, { sign: asha.signPublic }, { seal: asha.sealPublic }, { nonceSelf: other }, { noncePeer: one }];
  for (const wrong of wrongs) assert.equal(await keys.verifyBinding(body, { ...expected, ...wrong }, 2_000), false, JSON.stringify(Object.keys(wrong)));
  for (const wrong of [{ epoch: 4 }, { fingerprint: fingerprint.replace('0A', '0B') }, { expires_ms: body.expires_ms + 1 }]) assert.equal(await keys.verifyBinding({ ...body, ...wrong }, expected, 2_000), false);
  assert.equal(await keys.verifyBinding(body, expected, body.expires_ms), false);
  const side = (device, nonce) => ({ sign: device.signPublic, seal: device.sealPublic, nonce });
  assert.deepEqual(await keys.shortString('v', side(asha, one), side(ben, other)), await keys.shortString('v', side(ben, other), side(asha, one)));
  assert.notDeepEqual(await keys.shortString('v', side(asha, one), side(ben, other)), await keys.shortString('v', side(asha, other), side(ben, other)));
});

test('a sender key opens for whom it was sealed, and only when its signer is who it says', async () => {
  const [asha, ben, eve] = await Promise.all([device(), device(), device()]);
  const base = webcrypto.getRandomValues(new Uint8Array(32));
  const path = { visit: 'v', epoch: 2, from: 'a', to: 'b', kid: 33n };
  const body = await keys.sealSenderKey(asha, path, ben.sealPublic, base);
  assert.deepEqual((await keys.openSenderKey(ben, path, asha.signPublic, body)).base, base);
  assert.equal(await keys.openSenderKey(eve, path, asha.signPublic, body), null);
  assert.equal(await keys.openSenderKey(ben, path, eve.signPublic, body), null);
  assert.equal(await keys.openSenderKey(ben, path, asha.signPublic, { ...body, epoch: 3 }), null);
});

test('a roster is taken when the host signed it and it is the next one', async () => {
  const [host, ben, eve] = await Promise.all([device(), device(), device()]);
  const [one, two] = [member('a', 'clinician', host), member('b', 'patient', ben)];
  const roster = new Roster('v', host.public.sign);
  const signed = (epoch, members, by = host) => signRoster(by, 'v', epoch, members);
  assert.equal((await roster.take(await signed(1, [one], eve), 0)).refused, 'forged');
  assert.deepEqual((await roster.take(await signed(1, [one]), 0)).joined, [one]);
  assert.equal((await roster.take(await signed(3, [one, two]), 0)).refused, 'skipped');
  assert.deepEqual((await roster.take(await signed(2, [two, one]), 0)).joined, [two]);
  assert.equal((await roster.take(await signed(1, [one]), 0)).refused, 'replayed');
  assert.equal((await roster.take(await signed(2, [one]), 0)).refused, 'replayed');
  assert.equal((await roster.take({ ...(await signed(3, [one, two])), members: [one] }, 0)).refused, 'forged');
  assert.deepEqual(roster.ghosts([{ id: two.id, admitted: true }, { id: 'c'.repeat(16), admitted: true }, { id: 'd'.repeat(16), admitted: false }]), ['c'.repeat(16)]);
  assert.deepEqual((await roster.take(await signed(9, [one]), 0, true)).left, [two]);
  assert.equal(roster.leftLately(two.id, 9_999), true);
  assert.equal(roster.leftLately(two.id, 10_000), false);
});

test('words that were bent, replayed, or said by another are refused', async () => {
  const [asha, eve] = await Promise.all([device(), device()]);
  const boxes = [];
  const out = new Talk({ visit: 'v', me: 'a', keys: asha, send: (box) => boxes.push(box) });
  const into = new Talk({ visit: 'v', me: 'b', keys: eve, send: () => true });
  const base = webcrypto.getRandomValues(new Uint8Array(32));
  await out.useMine(base);
  await into.useTheirs('a', base);
  const [said, refused] = [[], []];
  into.addEventListener('said', ({ detail }) => said.push(detail.text));
  into.addEventListener('refused', ({ detail }) => refused.push(detail));
  await out.say('hello');
  await into.heard('a', boxes[0], eve.public.sign);
  await into.heard('a', boxes[0], asha.public.sign);
  await into.heard('a', boxes[0], asha.public.sign);
  await into.heard('a', { ...boxes[0], counter: 1 }, asha.public.sign);
  assert.deepEqual([said, refused], [['hello'], ['forged', 'replayed', 'forged']]);
  assert.equal(kindOf(new TextEncoder().encode('%PDF-1.7')), 'application/pdf');
  assert.equal(kindOf(new TextEncoder().encode('plain\ntext')), 'text/plain');
  assert.equal(kindOf(Uint8Array.of(0x4d, 0x5a, 0, 3)), null);
  assert.equal(kindOf(Uint8Array.from([...new Uint8Array(128), 0x44, 0x49, 0x43, 0x4d, 0])), 'application/dicom');
  assert.equal(kindOf(new TextEncoder().encode('\0\0\0\u0018ftypheic\0\0')), 'image/heic');
});

test('the ladder goes down after three bad samples, up after eight good ones, says why, and tries less often what failed', () => {
  let state = freshLadder();
  const run = (sample, times) => { for (let turn = 0; turn < times; turn += 1) state = climb(state, sample); };
  run({ isLimited: true }, 2);
  run({}, 1);
  run({ isLimited: true }, 2);
  assert.equal(LADDER[state.level], '720');
  run({ isLimited: true }, 1);
  assert.deepEqual([LADDER[state.level], state.reason], ['360', 'bandwidth']);
  run({}, 7);
  assert.equal(LADDER[state.level], '360');
  run({}, 1);
  assert.deepEqual([LADDER[state.level], state.reason], ['720', 'recovered']);
  run({ isLimited: true }, 3);
  assert.deepEqual([LADDER[state.level], state.upAfter], ['360', 16]);
  run({}, 15);
  assert.equal(LADDER[state.level], '360');
  run({}, 1);
  assert.equal(LADDER[state.level], '720');
  run({ loss: 0.3 }, 20);
  assert.equal(LADDER[state.level], 'audio');
  // A browser goes on saying "bandwidth" of an encoder that was stopped: that is no network.
  run({ isLimited: true, kbps: 900 }, 200);
  assert.equal(LADDER[state.level], '720');
  run({ isLimited: true, kbps: 300 }, 3);
  assert.equal(LADDER[state.level], '360');
  run({ isLimited: true, kbps: 300 }, 7);
  assert.equal(LADDER[state.level], '360', 'our own limit brings it no lower');
});

test('frames that the browser counts and the worker did not see are named', () => {
  const judged = (given) => judge({ kind: 'video', before: null, aliveMs: 5_000, ...given });
  assert.equal(judged({ side: 'send', counters: { seen: 100 }, browser: 110 }), null);
  assert.equal(judged({ side: 'send', counters: { seen: 0 }, browser: 3 }), 'sent-around-the-worker');
  assert.equal(judged({ side: 'send', counters: undefined, browser: 3 }), 'sent-around-the-worker');
  assert.equal(judged({ side: 'recv', counters: { seen: 90, dec: 90 }, browser: 300 }), 'played-around-the-worker');
  assert.equal(judged({ side: 'recv', counters: { seen: 90, dec: 5, decErr: 60 }, before: { dec: 5, decErr: 2 }, browser: 5 }), 'cannot-open');
  assert.equal(judged({ side: 'send', counters: { seen: 90, codec: 1 }, browser: 90 }), 'codec');
});

test('the line numbers its messages, comes back with its resume word, and says again what was not heard', async () => {
  const made = [];
  const connect = () => {
    const transport = { sent: [], send: (text) => transport.sent.push(JSON.parse(text)), close: () => transport.onclose() };
    made.push(transport);
    return transport;
  };
  const signal = new Signal({ connect, ticket: 't', keys: {}, jitter: () => 0 });
  const heard = [];
  signal.addEventListener('message', ({ detail }) => heard.push(detail.type));
  signal.open();
  signal.send({ type: 'state' });
  made[0].onopen();
  made[0].onmessage(JSON.stringify({ v: 1, seq: 1, type: 'welcome', you: 'me', resume: 'r', heard: 0 }));
  made[0].onmessage(JSON.stringify({ v: 1, seq: 1, type: 'present' }));
  assert.deepEqual(heard, ['welcome']);
  assert.deepEqual(made[0].sent.map(({ seq, type }) => [seq, type]), [[1, 'hello'], [2, 'state']]);
  assert.equal(signal.send({ type: 'say', box: 'x'.repeat(70_000) }), false);
  signal.send({ type: 'hold', who: 'a' });
  signal.send({ type: 'hold', who: 'b' });
  made[0].onclose();
  await until('the line is tried again', () => made.length === 2);
  made[1].onopen();
  assert.deepEqual([made[1].sent[0].resume, made[1].sent[0].ticket, made[1].sent[0].seq], ['r', undefined, 5]);
  made[1].onmessage(JSON.stringify({ v: 1, seq: 1, type: 'welcome', you: 'me', resume: 's', heard: 2 }));
  assert.deepEqual(made[1].sent.slice(1).map(({ seq, who }) => [seq, who]), [[6, 'a'], [7, 'b']]);
  made[1].onmessage(JSON.stringify({ v: 1, seq: 2, type: 'beat', heard: 6 }));
  assert.deepEqual(heard, ['welcome', 'welcome'], 'an answer to a beat is for the line alone');
  made[1].onclose();
  await until('and again', () => made.length === 3);
  made[2].onopen();
  made[2].onmessage(JSON.stringify({ v: 1, seq: 1, type: 'welcome', you: 'me', resume: 't', heard: 6 }));
  assert.deepEqual(made[2].sent.slice(1).map(({ seq, who }) => [seq, who]), [[9, 'b']]);
  signal.close();
});
