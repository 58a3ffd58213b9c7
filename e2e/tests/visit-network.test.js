// A visit over networks that lose, are cut, or let one kind of traffic through alone: the real server, its relay, two browsers.

import assert from 'node:assert/strict';
import test, { after } from 'node:test';

import { house } from '../support/house.js';
import { Lossy } from '../support/lossy.js';
import { bothCome, door, enterCall, letIn, look, noBanner, openRoom, plays } from '../support/video.js';
import { until } from '../support/wait.js';

const LOSS = 0.08;
const CUT_MS = 5_000;
const here = house({ patients: 6, media: true, relayOnly: true });
let lossy, two;

async function begin() {
  const port = await relayPort();
  lossy = await Lossy.start({ host: '127.0.0.1', port }, { seed: 20_240_229 });
  two = await bothCome(here, { udpPort: lossy.port });
}
after(async () => {
  await two?.close();
  await lossy?.stop();
});

/** Where the relay of the demo listens, from the servers that it names to somebody who is in. */
async function relayPort() {
  const { host, close } = await bothCome(here);
  const servers = new Promise((found) => { host.on('websocket', (line) => line.on('framereceived', ({ payload }) => { if (payload.includes('"type":"welcome"')) found(JSON.parse(payload).ice); })); });
  await openRoom(host).click();
  const [udp] = (await servers).flatMap(({ urls }) => urls).filter((url) => url.endsWith('transport=udp'));
  await host.locator('#stage').waitFor();
  await close();
  return Number(udp.match(/:(\d+)\?/)[1]);
}

const pages = () => [two.host, two.patient];
const connected = (page) => until('both are connected', async () => (await look(page, 'states')).join() === 'connected', undefined, () => look(page, 'account'));

test('8 % of the packets lost both ways: the call begins, lives, and pictures go on, without a false alarm', async () => {
  await begin();
  lossy.loss = { up: LOSS, down: LOSS };
  await enterCall(two);
  const before = await Promise.all(pages().map((page) => look(page, 'opened')));
  const lostBefore = { ...lossy.lost };
  await new Promise((done) => { setTimeout(done, 6_000); });
  for (const [at, page] of pages().entries()) {
    const opened = await look(page, 'opened') - before[at];
    // 50 packets of sound a second alone; a machine that is busy makes fewer.
    assert.ok(opened > 100, `${opened} frames`);
    assert.equal(await look(page, 'refused'), 0);
    await plays(page);
  }
  const lost = (lossy.lost.up + lossy.lost.down) - (lostBefore.up + lostBefore.down);
  assert.ok(lost > 50, `${lost} packets were lost meanwhile`);
  await noBanner(...pages());
  assert.deepEqual(await Promise.all(pages().map((page) => look(page, 'states'))), [['connected'], ['connected']]);
  lossy.loss = { up: 0, down: 0 };
});

test('five seconds without any network: the call comes back by itself, and nobody knocks again', async () => {
  const ids = await Promise.all(pages().map((page) => look(page, 'me')));
  await look(two.patient, 'say', 'before the cut');
  await two.host.getByText('before the cut').waitFor();
  lossy.isCut = true;
  await Promise.all(pages().map((page) => page.evaluate(() => cutLine(true))));
  const dead = await look(two.host, 'opened');
  await new Promise((done) => { setTimeout(done, CUT_MS); });
  assert.ok(await look(two.host, 'opened') - dead < 20, 'nothing came through while all was cut');
  // Said into a line that is away.
  await look(two.patient, 'say', 'while it was cut');
  lossy.isCut = false;
  await Promise.all(pages().map((page) => page.evaluate(() => cutLine(false))));
  await Promise.all(pages().map(connected));
  await Promise.all(pages().map((page) => plays(page)));
  await two.host.getByText('while it was cut').waitFor();
  assert.equal(await two.host.getByText('before the cut').count(), 1, 'what the server says again is heard once');
  assert.deepEqual(await Promise.all(pages().map((page) => look(page, 'me'))), ids);
  assert.equal(await letIn(two.host).count(), 0);
  await noBanner(...pages());
});

test('a page that is loaded anew is back where it was, in the waiting room and in the call, each time by another way to the relay', async () => {
  const ids = await Promise.all(pages().map((page) => look(page, 'me')));
  for (const transport of ['udp', 'tcp', 'tls']) {
    for (const page of pages()) {
      await page.evaluate((one) => sessionStorage.setItem('test-transport', one), transport);
      await page.reload();
      // Who was let in, or knocked, comes back by themselves; the clinician opens the room by a press.
      if (page === two.host) await openRoom(page).click();
    }
    await Promise.all(pages().map(connected));
    await Promise.all(pages().map((page) => plays(page)));
    for (const page of pages()) assert.deepEqual(await until('a way is chosen', () => look(page, 'way')), ['relay', transport, 'relay']);
    assert.deepEqual(await Promise.all(pages().map((page) => look(page, 'me'))), ids, 'nobody was let in again');
  }
  await noBanner(...pages());
  await two.patient.getByRole('button', { name: /^Leave/ }).click();
  await door(two.patient).click();
  await two.patient.getByRole('heading', { name: 'The waiting room' }).waitFor();
  const waiting = await until('the server knows who waits', () => look(two.patient, 'me'));
  await two.patient.reload();
  await two.patient.getByRole('heading', { name: 'The waiting room' }).waitFor();
  assert.equal(await until('the server knows who waits', () => look(two.patient, 'me')), waiting);
  assert.deepEqual(two.host.complaints.filter((said) => !said.includes('WebSocket')), []);
});
