// A phone that rings during a visit, as far as Chromium lets one do it: the page is frozen for longer than the server listens to silence,
// the line dies, sound and picture are taken by the system and given back, or ended; and a phone throws the page away. No iPhone was here.

import assert from 'node:assert/strict';
import test from 'node:test';

import { findsNothing } from '../support/axe.js';
import { pageOf } from '../support/browser.js';
import { house } from '../support/house.js';
import { frozen, phone } from '../support/phone.js';
import { bothCome, door, enterCall, letIn, look, noBanner, openRoom, plays } from '../support/video.js';
import { until } from '../support/wait.js';

/** The server takes a line for dead after three beats of ten seconds. */
const SILENCE_MS = 30_000;
const CALL_MS = SILENCE_MS + 12_000;
/** And keeps no place for longer than a minute where everybody is gone. */
const GRACE_MS = 60_000;
const CAP_MS = 60_000;
const here = house({ patients: 6, media: true, relayOnly: true });

const tile = (host) => host.locator('#tiles figure figcaption');
const waiting = (page) => page.getByRole('heading', { name: 'The waiting room' });
const live = (page) => page.evaluate(async () => {
  const { now } = await import('/assets/visit/page.js');
  return Object.entries(now.call?.media.tracks ?? {}).filter(([, track]) => track?.readyState === 'live' && !track.muted).map(([kind]) => kind).join();
});

let two;

test('a phone call in the waiting room: the clinician sees that they are away, and they are back at their place by themselves', async () => {
  two = await bothCome(here, { more: [phone] });
  const { host, patient } = two;
  await openRoom(host).click();
  await host.locator('#stage').waitFor();
  await door(patient).click();
  await waiting(patient).waitFor();
  await letIn(host).waitFor();
  const me = await until('the server knows who waits', () => look(patient, 'me'));
  await patient.evaluate(() => rings());
  await patient.getByText('on hold, as in a phone call').waitFor();
  await findsNothing(patient, 'sound and picture are on hold in the waiting room');
  await frozen(patient, CALL_MS, () => host.getByText('The patient, away at the moment').waitFor({ timeout: CAP_MS }));
  await patient.evaluate(() => hungUp());
  await host.getByText('The patient, away at the moment').waitFor({ state: 'detached', timeout: CAP_MS });
  await letIn(host).waitFor();
  assert.ok(await waiting(patient).isVisible());
  await patient.getByText(/^You are waiting\./).waitFor();
  assert.equal(await look(patient, 'me'), me, 'the same place');
  assert.equal(await host.locator('#waiting li').count(), 1);
  await until('sound and picture are theirs again', async () => await live(patient) === 'audio,video', CAP_MS);
  assert.equal(await patient.locator('#back').isVisible(), false);
  for (const step of ['#who', '#agree', '#begin']) assert.equal(await patient.locator(step).isVisible(), false, 'nothing is asked again');
});

test('a phone call in a call: it is said to the other side, and sound, picture and words go on after it', async () => {
  const { host, patient } = two;
  await letIn(host).click();
  await Promise.all([plays(host), plays(patient)]);
  const me = await look(patient, 'me');
  await patient.evaluate(() => rings());
  await tile(host).getByText('on hold: their device has another call').waitFor();
  await frozen(patient, CALL_MS, async () => {
    await tile(host).getByText('away: their device is not connected').waitFor({ timeout: CAP_MS });
    await look(host, 'say', 'said while they were on the telephone');
  });
  await patient.evaluate(() => hungUp());
  await until('both are connected', async () => [await look(host, 'states'), await look(patient, 'states')].join() === 'connected,connected', CAP_MS, () => look(host, 'account'));
  await Promise.all([plays(host), plays(patient)]);
  await patient.getByText('said while they were on the telephone').waitFor();
  await until('the tile says nothing of it any more', async () => !/away|on hold/.test(await tile(host).innerText()), CAP_MS);
  assert.equal(await look(patient, 'me'), me);
  assert.equal(await letIn(host).count(), 0, 'nobody is let in again');
  assert.ok(await patient.locator('#stage').isVisible());
  await noBanner(host, patient);
});

test('sound and picture that the system ended are asked for again: by themselves when the phone call is over, by a button where a press is wanted', async () => {
  const { host, patient } = two;
  await patient.evaluate(() => takes());
  await tile(host).getByText('on hold: their device has another call').waitFor();
  await patient.getByRole('button', { name: 'Start my sound and picture again' }).waitFor();
  await findsNothing(patient, 'sound and picture are gone in a call');
  await patient.evaluate(() => hungUp());
  await until('they are back by themselves', async () => await live(patient) === 'audio,video', CAP_MS);
  await patient.locator('#back').waitFor({ state: 'hidden' });
  await until('the tile says nothing of it any more', async () => !/away|on hold/.test(await tile(host).innerText()), CAP_MS);
  await plays(host);

  // A browser that wants a press asks for nothing until there is one.
  await patient.evaluate(() => { globalThis.phone.refusal = 'NotAllowedError'; takes(); });
  const button = patient.getByRole('button', { name: 'Start my sound and picture again' });
  await button.waitFor();
  const asked = () => patient.evaluate(() => globalThis.phone.asked);
  await until('it was refused', () => patient.getByText('in use by something else').isVisible(), CAP_MS);
  const before = await asked();
  await patient.evaluate(() => hungUp());
  await new Promise((done) => { setTimeout(done, 7_000); });
  assert.equal(await asked(), before, 'not without a press');
  await button.focus();
  await patient.keyboard.press('Enter');
  await until('they are back', async () => await live(patient) === 'audio,video', CAP_MS);
  await plays(host);
  await noBanner(host, patient);
});

test('a page that the phone threw away meanwhile is back in the call by itself, and in the waiting room too', async () => {
  const { host, patient, visit } = two;
  const me = await look(patient, 'me');
  // A form that is asked for meanwhile does not stand in the way.
  const forms = await pageOf(host.context());
  await forms.goto(`/patients/${visit.patient}/forms`);
  await forms.getByLabel('Form', { exact: true }).selectOption({ index: 1 });
  await forms.getByRole('button', { name: 'Ask the patient' }).click();
  await forms.getByText('Asked. The patient finds it').waitFor();
  await forms.close();
  // The page is gone, for longer than the server listens to silence; the address is what the phone has kept.
  await patient.goto('about:blank');
  await tile(host).getByText('away: their device is not connected').waitFor({ timeout: CAP_MS });
  await patient.goBack();
  await until('both are connected', async () => [await look(host, 'states'), await look(patient, 'states')].join() === 'connected,connected', CAP_MS, () => look(host, 'account'));
  await Promise.all([plays(host), plays(patient)]);
  assert.equal(await look(patient, 'me'), me, 'the same person, let in once');
  await noBanner(host, patient);

  await host.getByRole('button', { name: 'Hold: The patient' }).click();
  await waiting(patient).waitFor();
  await patient.reload();
  await waiting(patient).waitFor();
  await until('the server knows who waits', async () => await look(patient, 'me') === me);
  await letIn(host).click();
  await Promise.all([plays(host), plays(patient)]);
  await noBanner(host, patient);
});

test('who was gone for so long that nobody keeps their place knocks anew by themselves, and is asked nothing', async () => {
  const { host, patient, visit } = two;
  const before = await look(patient, 'me');
  await patient.evaluate(() => cutLine(true));
  await host.goto('about:blank');
  await new Promise((done) => { setTimeout(done, GRACE_MS + 4_000); });
  await patient.evaluate(() => cutLine(false));
  await until('they knocked as somebody new', async () => ![null, before].includes(await look(patient, 'me')), CAP_MS);
  await waiting(patient).waitFor();
  for (const step of ['#who', '#agree', '#begin']) assert.equal(await patient.locator(step).isVisible(), false, 'nothing is asked again');
  assert.equal(await live(patient), 'audio,video');
  await host.goto(`/appointments/${visit.id}/visit`);
  await openRoom(host).click();
  await letIn(host).click();
  await Promise.all([plays(host), plays(patient)]);
  await noBanner(host, patient);
});

test('who was away when the visit was ended learns it, and does not wait where nobody looks any more', async () => {
  const { host, patient } = two;
  await patient.evaluate(() => cutLine(true));
  await tile(host).getByText('away: their device is not connected').waitFor({ timeout: CAP_MS });
  await host.getByRole('button', { name: 'End for all' }).click();
  await host.getByText('The visit is over.').waitFor();
  await patient.evaluate(() => cutLine(false));
  await patient.getByText('The visit is over.').waitFor({ timeout: CAP_MS });
  await patient.locator('#after').waitFor();
  assert.equal(await live(patient), '', 'camera and microphone are off');
  await findsNothing(patient, 'the visit is over');
  // By a press one may still knock, where something was forgotten.
  await patient.getByRole('button', { name: 'Knock again' }).click();
  await waiting(patient).waitFor();
  await two.close();
});
