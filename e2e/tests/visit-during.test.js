// During the call: devices, what the others see of one, captions, files, the chart, and a third person. The real server, real browsers.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import test, { after, before } from 'node:test';

import { findsNothing } from '../support/axe.js';
import { Browser, NARROW, photograph } from '../support/browser.js';
import { Daemon, TEST_FILE } from '../support/clamd.js';
import { Clinic } from '../support/clinic.js';
import { appointment, call, come, letIn, linkFrom, plays, quiet, room } from '../support/visit.js';

const here = {};
before(async () => {
  here.scanner = await Daemon.start();
  here.clinic = await Clinic.start({ patients: 6, clamd: here.scanner.address });
  here.browser = await Browser.start(here.clinic, { media: true });
});
after(async () => {
  await here.browser?.stop();
  await here.clinic?.stop();
  here.scanner?.stop();
});

const PHONE = { viewport: NARROW, hasTouch: true, isMobile: true };
const device = (page, kind) => page.evaluate((kind) => {
  const stream = document.getElementById('own').srcObject;
  return stream?.[kind === 'video' ? 'getVideoTracks' : 'getAudioTracks']()[0]?.getSettings().deviceId;
}, kind);
const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
const close = (...pages) => Promise.all(pages.map((page) => page.context().close()));

test('a phone chooses, turns and starts again its camera, the clinic’s number is a press away, and everybody sees what the other sends', async () => {
  const visit = await appointment(here);
  const host = await room(here, visit);
  const patient = await come(here, await linkFrom(host), visit, PHONE);
  const number = patient.getByRole('link', { name: /phone Wardstone, \+1 555 555 0142/ });
  assert.equal(await number.getAttribute('href'), 'tel:+15555550142');
  await letIn(host, patient, 'The patient');
  await Promise.all([plays(host, '#tiles figure video'), plays(patient, '#tiles figure video')]);
  assert.ok(await patient.locator('.phone:visible a').count() > 0, 'in the call too');
  assert.equal(await overflow(patient), 0);

  // Three cameras of Chromium's making, of which the second is one of depth and nothing for a call.
  await patient.getByText('Camera, microphone and speaker').click();
  const cameras = patient.getByLabel('Camera', { exact: true });
  assert.equal(await cameras.locator('option').count(), 3);
  const [first, , second] = await cameras.locator('option').evaluateAll((all) => all.map(({ value }) => value));
  assert.equal(await device(patient, 'video'), first);
  await cameras.selectOption(second);
  await patient.waitForFunction((second) => document.getElementById('own').srcObject?.getVideoTracks()[0]?.getSettings().deviceId === second, second);
  await plays(patient, '#own');
  await plays(host, '#tiles figure video');
  // The same choice after everything was started again.
  await patient.getByRole('button', { name: 'Restart my audio and video' }).click();
  await patient.getByText('Sound and picture were started again.').waitFor();
  assert.equal(await device(patient, 'video'), second);
  await patient.getByRole('button', { name: 'Other camera' }).click();
  await patient.waitForFunction((first) => document.getElementById('own').srcObject?.getVideoTracks()[0]?.getSettings().deviceId === first, first);
  await plays(host, '#tiles figure video');
  const microphones = patient.getByLabel('Microphone', { exact: true });
  assert.ok(await microphones.locator('option').count() > 1);
  await patient.getByLabel('Speaker', { exact: true }).selectOption({ index: 1 });
  const chosen = await patient.getByLabel('Speaker', { exact: true }).inputValue();
  await patient.waitForFunction((chosen) => document.querySelector('#tiles figure video').sinkId === chosen, chosen);
  await findsNothing(patient, 'devices in the call');

  // A track that ends by itself, as when its device is pulled out: another is used, and it is said.
  await patient.evaluate(() => document.getElementById('own').srcObject.getVideoTracks()[0].dispatchEvent(new Event('ended')));
  await patient.getByText('The camera is gone; another one is used.').waitFor();
  await plays(patient, '#own');

  const tile = host.locator('#tiles figure figcaption');
  await patient.getByRole('button', { name: 'Mute', exact: true }).click();
  await tile.filter({ hasText: 'muted' }).waitFor();
  await patient.getByRole('button', { name: 'Camera off' }).click();
  await tile.filter({ hasText: 'muted, camera off' }).waitFor();
  await patient.getByRole('button', { name: 'Unmute' }).click();
  await patient.getByRole('button', { name: 'Camera on' }).click();
  await host.waitForFunction(() => !document.querySelector('#tiles figcaption .state').textContent);
  // What the ladder of a bad network does, said on both sides: the words of this side, and what goes to the other through the server.
  await patient.evaluate(async () => {
    const { now } = await import('/assets/visit/page.js');
    const [who] = now.call.peers.keys();
    now.call.dispatchEvent(new CustomEvent('meter', { detail: { who, rttMs: 90, loss: 0.2, candidate: 'host', rung: 'audio', reason: 'loss' } }));
    now.call.signal.send({ type: 'state', audio: true, video: true, screen: false, modality: 'audio', reason: 'loss' });
  });
  await tile.filter({ hasText: 'sound alone: the network loses too much of it' }).waitFor();
  await patient.getByText('Only your sound is sent: the network loses too much of it.').waitFor();
  await findsNothing(patient, 'a call on a phone');
  quiet(host, patient);
  await close(host, patient);
});

test('a browser that plays nothing before a press plays at the next one', async () => {
  const { host, patient } = await call(here);
  // As iOS does: refused until a person acts.
  await patient.evaluate(() => {
    const play = HTMLMediaElement.prototype.play;
    globalThis.pressed = 0;
    HTMLMediaElement.prototype.play = function () {
      if (!globalThis.mayPlay) return Promise.reject(new DOMException('no gesture', 'NotAllowedError'));
      globalThis.pressed += 1;
      return play.call(this);
    };
    addEventListener('pointerdown', () => { globalThis.mayPlay = true; }, { once: true });
    for (const video of document.querySelectorAll('#tiles figure video')) video.pause();
    document.dispatchEvent(new Event('visibilitychange'));
  });
  await patient.getByText('Press anywhere to hear and see.').waitFor();
  assert.ok(await patient.evaluate(() => document.querySelector('#tiles figure video').paused));
  await patient.mouse.click(5, 5);
  await patient.waitForFunction(() => globalThis.pressed > 0 && !document.querySelector('#tiles figure video').paused);
  await patient.waitForFunction(() => !document.getElementById('call-said').textContent);
  await plays(patient, '#tiles figure video');
  await close(host, patient);
});

test('typed captions are off until somebody types them, seen at once by all, few, and no messages', async () => {
  const { host, patient } = await call(here, PHONE);
  assert.equal(await patient.getByLabel('Caption for everybody, typed by you').isVisible(), false);
  await host.getByRole('button', { name: 'Type captions' }).click();
  for (const words of ['Good morning.', 'Where does it hurt?', 'Since when?', 'Take a seat, please.']) {
    await host.getByLabel('Caption for everybody, typed by you').fill(words);
    await host.keyboard.press('Enter');
  }
  const seen = patient.locator('#captions p');
  await seen.filter({ hasText: 'Take a seat, please.' }).waitFor();
  assert.equal(await seen.count(), 3, 'the last few');
  assert.match(await seen.last().innerText(), /^Asha Rao.*: Take a seat, please\.$/);
  assert.equal(await patient.locator('#captions').getAttribute('aria-live'), 'polite');
  assert.ok(!(await patient.locator('#lines').innerText()).includes('hurt'), 'no message');
  assert.equal(await overflow(patient), 0);
  for (const page of [patient, host]) {
    const before = page.viewportSize();
    await page.setViewportSize({ width: 320, height: 640 });
    assert.equal(await overflow(page), 0, 'at 320 px');
    await page.setViewportSize(before);
  }
  await findsNothing(patient, 'captions');
  await photograph(patient, 'visit-captions');
  quiet(host, patient);
  await close(host, patient);
});

/** Made by the browser, then given a place in EXIF as a camera does. */
async function picture(page, width) {
  const plain = Buffer.from(await page.evaluate(async (width) => {
    const canvas = new OffscreenCanvas(width, width / 2);
    const pen = canvas.getContext('2d');
    pen.fillStyle = 'red';
    pen.fillRect(0, 0, width, width);
    const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: 'image/jpeg' })).arrayBuffer());
    return [...bytes];
  }, width));
  const exif = Buffer.concat([Buffer.from('Exif\0\0MM\0*\0\0\0\x08\0\0', 'latin1'), Buffer.from('GPS 48.8584 N 2.2945 E')]);
  const head = Buffer.from([0xff, 0xe1, (exif.length + 2) >> 8, (exif.length + 2) & 255]);
  return Buffer.concat([plain.subarray(0, 2), head, exif, plain.subarray(2)]);
}

test('files are known by what they hold, pictures leave without their place, and what comes is saved only by a press', async () => {
  const { host, patient } = await call(here);
  const send = (name, buffer) => patient.getByLabel('Send a file').setInputFiles({ name, mimeType: 'application/octet-stream', buffer });
  const said = patient.locator('#file-said');
  await send('photo.jpg', Buffer.from('MZ this is a program'.padEnd(100, '\0')));
  await said.filter({ hasText: 'This kind of file is not sent in a visit' }).waitFor();
  await send('large.pdf', Buffer.concat([Buffer.from('%PDF-1.4'), Buffer.alloc(11 * 1024 * 1024)]));
  await said.filter({ hasText: 'too large: 10.0 MB at most' }).waitFor();
  await send('from-a-phone.heic', Buffer.from('\0\0\0\x18ftypheic\0\0\0\0 not one that is drawn', 'latin1'));
  await said.filter({ hasText: 'cannot draw this picture anew' }).waitFor();
  assert.equal(await host.locator('#files li').count(), 0, 'nothing left');

  const taken = await picture(patient, 800);
  assert.ok(taken.includes('GPS 48.8584'));
  await send('../../my\u202eknee.exe.jpg', taken);
  const item = host.locator('#files li').filter({ hasText: 'knee.exe.jpg' });
  await item.getByRole('button', { name: /^Save a copy/ }).waitFor();
  assert.match(await item.innerText(), /^myknee\.exe\.jpg, \d+ kB, from The patient/);
  const [download] = await Promise.all([host.waitForEvent('download'), item.getByRole('button', { name: /^Save a copy/ }).click()]);
  assert.equal(download.suggestedFilename(), 'myknee.exe.jpg');
  const got = await readFile(await download.path());
  assert.deepEqual([...got.subarray(0, 3)], [0xff, 0xd8, 0xff]);
  assert.ok(!got.includes('GPS') && !got.includes('Exif'), 'neither place nor device');

  // Two hundred kilobytes and more come in parts, with progress on both sides.
  const letter = Buffer.concat([Buffer.from('%PDF-1.4\n'), Buffer.alloc(600_000, 'a'), Buffer.from('\n%%EOF')]);
  await send('letter.pdf', letter);
  await patient.getByRole('progressbar', { name: /^Sending letter\.pdf/ }).waitFor();
  await host.getByRole('progressbar', { name: /^Receiving letter\.pdf/ }).waitFor();
  const second = host.locator('#files li').filter({ hasText: 'letter.pdf' });
  await second.getByRole('button', { name: /^Save a copy/ }).waitFor();
  const [whole] = await Promise.all([host.waitForEvent('download'), second.getByRole('button', { name: /^Save a copy/ }).click()]);
  assert.ok((await readFile(await whole.path())).equals(letter));
  assert.equal(await patient.getByRole('button', { name: /Save to the chart/ }).count(), 0, 'a patient files nothing');
  await findsNothing(host, 'files in the call');
  await photograph(host, 'visit-files');
  quiet(host, patient);
  await close(host, patient);
});

test('a file and chosen messages go into the chart by a press that says what it does, and the others are told', async () => {
  const { host, patient, visit } = await call(here);
  for (const words of ['It began on Sunday.', 'This stays between us.']) {
    await patient.getByLabel('Message', { exact: true }).fill(words);
    await patient.getByRole('button', { name: 'Send', exact: true }).click();
    await host.locator('#lines').getByText(words).waitFor();
  }
  await host.getByRole('button', { name: 'Save messages to the chart…' }).click();
  const dialog = host.getByRole('dialog', { name: 'Save messages to the chart' });
  await dialog.getByText('The others in the call are told first.').waitFor();
  await findsNothing(host, 'saving messages');
  await dialog.getByLabel('The patient: This stays between us.').uncheck();
  await dialog.getByRole('button', { name: 'Tell them and save' }).click();
  await patient.getByText('The clinician saved this conversation to the chart.').waitFor();
  await host.getByText('The messages are in the chart.').waitFor();
  const [kept] = (await visit.search(`Communication?patient=${visit.patient}&_count=100`)).filter((one) => JSON.stringify(one).includes(`Appointment/${visit.id}`));
  assert.match(kept.payload[0].contentString, /^\d\d:\d\d, The patient: It began on Sunday\.$/);
  assert.equal(kept.payload.length, 1, 'what was not chosen is nowhere');

  await patient.getByLabel('Send a file').setInputFiles({ name: 'letter.pdf', mimeType: 'application/pdf', buffer: Buffer.from('%PDF-1.4\nfrom the other clinic\n%%EOF') });
  await host.getByRole('button', { name: 'Save to the chart…: letter.pdf' }).click();
  const filing = host.getByRole('dialog', { name: 'Save this file to the chart' });
  await filing.getByText('the server looks for malware in it').waitFor();
  await filing.getByRole('button', { name: 'Save to the chart' }).click();
  await filing.getByRole('alert').filter({ hasText: 'Say what kind of document it is.' }).waitFor();
  await findsNothing(host, 'saving a file');
  await photograph(host, 'visit-keep');
  await filing.getByLabel('Kind of document').selectOption('51852-2');
  await filing.getByRole('button', { name: 'Save to the chart' }).click();
  await host.getByText('The file is in the chart.').waitFor();
  await patient.getByText('The clinician saved a file of this call to the chart.').waitFor();
  const documents = (await visit.search(`DocumentReference?patient=${visit.patient}&_count=100`)).filter((one) => JSON.stringify(one).includes(`Appointment/${visit.id}`));
  assert.equal(documents.length, 1);
  assert.equal(documents[0].author[0].reference, `Patient/${visit.patient}`);

  // What is found in a file holds it back, and it goes nowhere by trying again.
  await patient.getByLabel('Send a file').setInputFiles({ name: 'odd.txt', mimeType: 'text/plain', buffer: Buffer.from(TEST_FILE) });
  await host.getByRole('button', { name: 'Save to the chart…: odd.txt' }).click();
  await filing.getByLabel('Kind of document').selectOption('51852-2');
  await filing.getByRole('button', { name: 'Save to the chart' }).click();
  const held = host.locator('#held li').filter({ hasText: 'odd: something was found in it: Win.Test.EICAR_HDB-1' });
  await held.waitFor();
  await patient.getByText('The file is held back until it has been looked into.').waitFor();
  await findsNothing(host, 'a file that is held back');
  await held.getByRole('button', { name: /^Look again/ }).click();
  await host.getByText('It is still held back.').waitFor();
  await held.getByRole('button', { name: /^Throw away/ }).click();
  await host.getByText('Thrown away.', { exact: true }).waitFor();
  assert.equal(await host.locator('#held-part').isVisible(), false);

  // The note of the visit opens beside, and the picture stays where it is while one reads on.
  const [note] = await Promise.all([host.context().waitForEvent('page'), host.getByRole('link', { name: /^Note/ }).click()]);
  await note.waitForURL(/\/patients\/[^/]+\/notes\//);
  await host.bringToFront();
  await host.setViewportSize({ width: 1280, height: 600 });
  await host.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
  const box = await host.locator('#tiles figure video').boundingBox();
  assert.ok(box.y > -24 && box.y < 60, `the picture is in sight: ${JSON.stringify(box)}`);
  quiet(host, patient);
  const told = (await here.clinic.events('visit')).map((event) => JSON.stringify(event)).join('\n');
  assert.ok(told.includes('keep TalkKept') && told.includes('keep FileKept') && !told.includes('Sunday'), told);
  await close(host, patient);
});

test('an interpreter is the third in the call, is seen as one, types what is said, and opens nothing else', async () => {
  const { host, patient, visit } = await call(here);
  const ines = await come(here, await linkFrom(host, 'interpreter', 'Ines Vidal'), null);
  await letIn(host, ines, 'Ines Vidal');
  for (const [page, others] of [[host, ['The patient', 'Ines Vidal']], [patient, ['Ines Vidal']], [ines, ['The patient']]]) {
    await page.waitForFunction(() => document.querySelectorAll('#tiles figure video').length === 2);
    for (const at of [1, 2]) await plays(page, `#tiles figure:nth-of-type(${at}) video`);
    for (const other of others) await page.locator('#tiles figcaption').filter({ hasText: other }).waitFor();
  }
  for (const page of [host, patient]) await page.locator('#tiles figcaption').filter({ hasText: /^Ines Vidal\s*·\s*Interpreter/ }).waitFor();
  await ines.locator('#tiles figcaption').filter({ hasText: /Asha Rao.*·\s*Clinician/ }).waitFor();
  // Each pair has words of its own, one pair after the other, and each page says whose they are.
  const readWith = (page, name) => page.getByRole('heading', { name: `Read these words with: ${name}` }).waitFor();
  const sas = (page) => page.locator('#sas').innerText();
  await Promise.all([readWith(host, 'The patient'), readWith(patient, 'Asha Rao'), readWith(ines, 'Asha Rao')]);
  assert.equal(await sas(host), await sas(patient));
  assert.notEqual(await sas(host), await sas(ines));
  // A second press that was on its way is not about the words that came meanwhile.
  for (const page of [host, patient]) await page.getByRole('button', { name: 'They are the same' }).evaluate((button) => { button.click(); button.click(); });
  await Promise.all([readWith(host, 'Ines Vidal'), readWith(patient, 'Ines Vidal')]);
  assert.equal(await sas(host), await sas(ines));
  await ines.getByRole('button', { name: 'Type captions' }).click();
  await ines.getByLabel('Caption for everybody, typed by you').fill('¿Dónde le duele?');
  await ines.keyboard.press('Enter');
  for (const page of [host, patient]) await page.locator('#captions p').filter({ hasText: 'Ines Vidal: ¿Dónde le duele?' }).waitFor();
  await findsNothing(host, 'three in a call');
  await photograph(host, 'visit-three');
  assert.equal(await ines.getByRole('link', { name: /^(Chart|Note)/ }).count(), 0);
  for (const path of [`/patients/${visit.patient}`, '/today', `/appointments/${visit.id}/visit`, `/appointments/${visit.id}/visit/note`, '/me']) {
    const answer = await ines.context().request.get(here.clinic.base_url + path, { maxRedirects: 0, ignoreHTTPSErrors: true });
    assert.ok([303, 401, 403].includes(answer.status()), `${path}: ${answer.status()}`);
  }
  const held = await ines.evaluate(async (path) => (await fetch(path, { method: 'POST', headers: { accept: 'application/json', 'content-type': 'application/json' }, body: '{}' })).status, `/appointments/${visit.id}/visit/held`);
  assert.equal(held, 401);
  quiet(host, patient, ines);
  await close(host, patient, ines);
});
