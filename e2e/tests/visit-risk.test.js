// Visits of high risk: a passkey over the keys of the call, the same words on both sides, or a reason. The real server, two browsers, and
// the authenticator that Chromium has for tests.

import assert from 'node:assert/strict';
import test from 'node:test';

import { findsNothing } from '../support/axe.js';
import { pageOf, photograph, virtualAuthenticator } from '../support/browser.js';
import { house } from '../support/house.js';
import { signIn } from '../support/people.js';
import { appointment, enter, knock, linkFrom, plays } from '../support/visit.js';

const here = house({ patients: 6, media: true, relayOnly: true });
const letIn = (host) => host.getByRole('button', { name: 'Let in: The patient' });
const panel = (host) => host.locator('#risk-list');

async function open(host) {
  const visit = await appointment(here);
  await host.goto(`/appointments/${visit.id}/visit`);
  await panel(host).getByText('Ordinary').waitFor();
  return visit;
}

async function openRoom(host) {
  await host.getByRole('button', { name: 'Open the room' }).click();
  await host.locator('#stage').waitFor();
}

const said = async (visit) => (await here.clinic.events('visit')).map((event) => JSON.stringify(event)).filter((event) => event.includes(visit.id)).join('\n').toLowerCase();

/** What a host's page does that was changed to let anybody in. */
const force = (host) => host.evaluate(async () => {
  const { now } = await import('/assets/visit/page.js');
  const who = now.call.present.find(({ role }) => role === 'patient').id;
  const answer = new Promise((resolve) => { now.call.addEventListener('state', ({ detail }) => { if (detail.call === 'error') resolve(detail.code); }); });
  now.call.signal.send({ type: 'admit', who });
  return answer;
});

/** In the device check: made the first time, by the keyboard alone and without anything that moves, and known the next. */
async function early(patient, turn, { devtools, authenticatorId }) {
  const part = patient.getByRole('region', { name: 'A passkey for this visit' });
  const count = async () => (await devtools.send('WebAuthn.getCredentials', { authenticatorId })).credentials.length;
  if (turn === 'second') {
    await part.getByText('the passkey that you made for this clinic').waitFor();
    assert.equal(await part.getByRole('button').count(), 0);
    return;
  }
  const make = part.getByRole('button', { name: 'Make a passkey' });
  await make.waitFor();
  await findsNothing(patient, 'the device check of a visit of high risk');
  await photograph(patient, 'visit-risk-check');
  assert.equal(await count(), 0);
  const door = patient.getByRole('button', { name: 'Knock at the door' });
  // The pictures before changed the window: where things stand is asked when it has settled.
  await patient.evaluate(async () => { await document.fonts.ready; await new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); }); });
  const before = await door.boundingBox();
  // Declined first: what unlocks the device does not fit.
  await devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
  await make.focus();
  await patient.keyboard.press('Enter');
  await part.getByText('No passkey was made.').waitFor();
  await devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true });
  assert.equal(await count(), 0);
  await patient.keyboard.press('Enter');
  await part.getByText('The passkey is made.').waitFor();
  assert.equal(await count(), 1);
  assert.deepEqual(await door.boundingBox(), before, 'nothing moves');
  await patient.keyboard.press('Tab');
  assert.ok(await door.evaluate((button) => button === document.activeElement), 'the keyboard goes on where it was');
  await findsNothing(patient, 'a passkey was made in the device check');
}

test('a visit of high risk begins with a passkey over the keys of the call, and shows pictures when both said the words are the same', async () => {
  const [room, home] = [await here.browser.profile(), await here.browser.profile()];
  const [host, patient] = [await pageOf(room), await pageOf(home)];
  const { devtools, authenticatorId } = await virtualAuthenticator(patient);
  await signIn(host, here.clinic, 'asha.rao');
  for (const turn of ['first', 'second']) {
    const visit = await open(host);
    await host.getByRole('button', { name: 'Make this a visit of high risk' }).click();
    await panel(host).getByText('High, set by hand').waitFor();
    const link = await linkFrom(host);
    await openRoom(host);
    // Another link of the same page would be a move within it.
    await patient.goto('about:blank');
    await enter(patient, visit, link);
    await early(patient, turn, { devtools, authenticatorId });
    await knock(patient);
    await patient.getByText('This call goes through a relay').waitFor();
    await patient.getByRole('button', { name: 'Use a passkey' }).waitFor();
    // Having made one is no proof.
    assert.equal(await panel(host).getByText('passkey enrolled today').count(), 0);
    await host.getByText('They are asked for their passkey.').waitFor();
    assert.ok(await letIn(host).isDisabled());
    if (turn === 'first') {
      await findsNothing(host, 'somebody waits in a visit of high risk');
      await findsNothing(patient, 'a passkey is asked for');
      await photograph(host, 'visit-risk-host');
      await photograph(patient, 'visit-risk-patient');
      assert.equal(await force(host), 'risk', 'the server lets nobody in either');
    }
    await patient.getByRole('button', { name: 'Use a passkey' }).click();
    await patient.getByText('Your passkey has confirmed this call.').waitFor();
    await panel(host).getByText('passkey enrolled today: nobody knew it before').waitFor();
    await host.locator('#waiting button:enabled', { hasText: 'Let in' }).click();
    await host.getByText('Connected, encrypted between you.').waitFor();

    // Sound alone, and no message, on both sides.
    for (const page of [host, patient]) await page.getByText('there is sound alone').waitFor();
    for (const page of [host, patient]) assert.ok(await page.getByRole('button', { name: 'Send', exact: true }).isDisabled());
    await host.locator('#words').waitFor();
    await patient.locator('#words').waitFor();
    const width = (page) => page.evaluate(() => document.querySelector('#tiles figure video')?.videoWidth ?? 0);
    await host.getByRole('button', { name: 'They are the same' }).click();
    await panel(host).getByText('Not yet read to each other').waitFor();
    for (const page of [host, patient]) assert.equal(await width(page), 0, 'one side alone said so');
    await patient.getByRole('button', { name: 'They are the same' }).click();
    await Promise.all([plays(host, '#tiles figure video'), plays(patient, '#tiles figure video')]);
    await host.getByRole('button', { name: 'This is the person' }).click();
    await panel(host).getByText(/^Yes \(/).waitFor();
    await patient.getByLabel('Message', { exact: true }).fill('Good morning.');
    await patient.getByRole('button', { name: 'Send', exact: true }).click();
    await host.getByText('Good morning.').waitFor();
    await host.getByRole('button', { name: 'End for all' }).click();
    await patient.getByText('The visit is over.').waitFor();
    const told = await said(visit);
    for (const word of ['riskraised', ...(turn === 'first' ? ['enrolled'] : []), 'vouched', 'riskcleared', 'byeye', ...(turn === 'first' ? ['riskrefused'] : [])]) assert.ok(told.includes(word), `${word}: ${told}`);
    const { credentials } = await devtools.send('WebAuthn.getCredentials', { authenticatorId });
    assert.equal(credentials.length, 1, 'it is made once and known from then on');
  }
  for (const page of [host, patient]) assert.equal(await page.locator('#banner').isVisible(), false, await page.locator('#banner').innerText());
  assert.deepEqual(host.complaints, []);
  assert.deepEqual(patient.complaints, []);
  await room.close();
  await home.close();
});

test('a risk that is raised in a call puts the patient out; with a reason they come back, and somebody else is sent away', async () => {
  const [room, home] = [await here.browser.profile(), await here.browser.profile()];
  const [host, patient] = [await pageOf(room), await pageOf(home)];
  await signIn(host, here.clinic, 'asha.rao');
  const visit = await open(host);
  const link = await linkFrom(host);
  await openRoom(host);
  await enter(patient, visit, link);
  await knock(patient);
  await letIn(host).click();
  await Promise.all([plays(host, '#tiles figure video'), plays(patient, '#tiles figure video')]);

  await host.getByRole('button', { name: 'Make this a visit of high risk' }).click();
  await patient.getByRole('heading', { name: 'A passkey for this visit' }).waitFor();
  await host.getByText('They are asked for their passkey.').waitFor();
  assert.equal(await host.locator('#tiles figure').count(), 0, 'nothing of them is shown any more');
  await host.getByLabel('Why you go on without passkey and words').fill('too short');
  await host.getByRole('button', { name: 'Go on without' }).click();
  await host.getByText('ten to 500 letters').waitFor();
  assert.ok(await letIn(host).isDisabled());
  await host.getByLabel('Why you go on without passkey and words').fill('Known to me for ten years, no passkey on this telephone');
  await host.getByRole('button', { name: 'Go on without' }).click();
  await panel(host).getByText('Known to me for ten years').waitFor();
  await host.locator('#waiting button:enabled', { hasText: 'Let in' }).click();
  await Promise.all([plays(host, '#tiles figure video'), plays(patient, '#tiles figure video')]);
  for (const page of [host, patient]) assert.equal(await page.locator('#banner').isVisible(), false, await page.locator('#banner').innerText());

  await host.getByRole('button', { name: 'This is somebody else' }).click();
  // Nothing that they said stands there as the patient's, and their link is closed.
  await host.locator('#about').getByText('Nothing is known yet').waitFor();
  await host.locator('#links').getByText(/, closed$/).first().waitFor();
  await host.getByRole('button', { name: 'This is somebody else' }).waitFor({ state: 'hidden' });
  await patient.getByText('The clinic cut this call off.').waitFor();
  await patient.reload();
  await patient.getByText('this link does not open a visit').waitFor();
  const told = await said(visit);
  for (const word of ['riskwaived user-', 'ten years', 'somebodyelse', 'link closed']) assert.ok(told.includes(word), `${word}: ${told}`);
  await room.close();
  await home.close();
});

test('a passkey that is removed by the front desk puts the patient out of the call, and another is made in the waiting room', async () => {
  const [room, home, desk] = [await here.browser.profile(), await here.browser.profile(), await here.browser.profile()];
  const [host, patient, front] = [await pageOf(room), await pageOf(home), await pageOf(desk)];
  const { devtools, authenticatorId } = await virtualAuthenticator(patient);
  await signIn(host, here.clinic, 'asha.rao');
  const visit = await appointment(here, { startedMinutesAgo: 1 });
  await signIn(front, here.clinic, 'front_desk');
  await front.goto(`/patients/${visit.patient}/access`);
  const remove = async () => {
    const kept = front.locator('form[action$="/access/passkeys/remove"]').first();
    await kept.waitFor();
    await findsNothing(front, 'passkeys for visits on the page of access');
    await kept.getByLabel('Why it is removed').fill('The telephone was lost on the way home');
    await kept.getByRole('button', { name: 'Remove this passkey' }).click();
    await front.getByRole('heading', { name: 'Passkeys for video visits' }).waitFor({ state: 'detached' });
  };
  // Of the test before: whose authenticator is not here.
  if (await front.getByRole('heading', { name: 'Passkeys for video visits' }).count()) await remove();

  await host.goto(`/appointments/${visit.id}/visit`);
  await panel(host).getByText('Ordinary').waitFor();
  await host.getByRole('button', { name: 'Make this a visit of high risk' }).click();
  const link = await linkFrom(host);
  await openRoom(host);
  await enter(patient, visit, link);
  await patient.getByRole('button', { name: 'Make a passkey' }).click();
  await patient.getByText('The passkey is made.').waitFor();
  await knock(patient);
  await patient.getByRole('button', { name: 'Use a passkey' }).click();
  await host.locator('#waiting button:enabled', { hasText: 'Let in' }).click();
  await patient.locator('#stage').waitFor();
  await host.getByText('Connected, encrypted between you.').waitFor();

  await front.reload();
  await remove();
  await patient.getByRole('heading', { name: 'The waiting room' }).waitFor();
  await host.getByText('They are asked for their passkey.').waitFor();
  await panel(host).getByText('Not yet', { exact: true }).first().waitFor();
  await patient.getByRole('button', { name: 'Use a passkey' }).click();
  await patient.getByText('Your passkey has confirmed this call.').waitFor();
  assert.equal((await devtools.send('WebAuthn.getCredentials', { authenticatorId })).credentials.length, 2, 'another one');
  await host.locator('#waiting button:enabled', { hasText: 'Let in' }).click();
  await patient.locator('#stage').waitFor();
  const told = await said(visit);
  for (const word of ['enrolled', 'vouched', 'unvouched', 'held']) assert.ok(told.includes(word), `${word}: ${told}`);
  for (const page of [host, patient]) assert.equal(await page.locator('#banner').isVisible(), false, await page.locator('#banner').innerText());
  await Promise.all([room, home, desk].map((one) => one.close()));
});
