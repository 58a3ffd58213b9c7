// A call of a clinician whose screen locks, and of one who may not any more: the real server, two browsers.

import assert from 'node:assert/strict';
import test from 'node:test';

import { findsNothing } from '../support/axe.js';
import { pageOf, photograph } from '../support/browser.js';
import { house } from '../support/house.js';
import { signIn, signInAtMe } from '../support/people.js';
import { appointment, enter, knock, linkFrom, plays } from '../support/visit.js';
import { until } from '../support/wait.js';

const here = house({ patients: 6, media: true });
const CUT_MS_MAX = 1_000;

/** Both are in the call: let in on the page of the visit, or from the list of the day. */
async function call(context, { isFromToday = false } = {}) {
  const visit = await appointment(here, { startedMinutesAgo: 7 });
  const [host, patient] = [await pageOf(context), await pageOf(await here.browser.profile())];
  const user = await signIn(host, here.clinic, 'asha.rao');
  await host.goto(`/appointments/${visit.id}/visit`);
  const link = await linkFrom(host);
  if (isFromToday) await host.goto('/today');
  else {
    await host.getByRole('button', { name: 'Open the room' }).click();
    await host.locator('#stage').waitFor();
  }
  await enter(patient, visit, link);
  await knock(patient);
  await patient.getByText('Running about 5 minutes late.').waitFor();
  if (isFromToday) {
    // It appears by itself.
    const row = host.locator(`#a-${visit.id}`);
    await row.getByText(/in the waiting room since \d\d:\d\d/).waitFor();
    await findsNothing(host, 'somebody knocks');
    await photograph(host, 'today-knocks');
    await row.getByRole('link', { name: /^Let in, / }).click();
  } else await host.getByRole('button', { name: 'Let in: The patient' }).click();
  await Promise.all([plays(host, '#tiles figure video'), plays(patient, '#tiles figure video')]);
  return { visit, host, patient, user };
}

const ask = async (path) => JSON.parse((await here.clinic.ask('GET', path, { headers: { authorization: `Bearer ${here.clinic.api_token}` } })).body);

test('a screen that is locked shows the call and nothing of the chart, and is unlocked where it is; the chart follows the room', async () => {
  const context = await here.browser.profile();
  const { visit, host, patient, user } = await call(context);
  const encounter = async () => (await ask(`/fhir/Encounter?appointment=Appointment/${visit.id}`)).entry?.[0]?.resource;
  await until('the encounter begins', async () => (await encounter())?.status === 'in-progress');
  assert.equal((await ask(`/fhir/Appointment/${visit.id}`)).status, 'checked-in');
  await patient.getByLabel('Message', { exact: true }).fill('It hurts when I turn it.');
  await patient.getByRole('button', { name: 'Send', exact: true }).click();
  await host.getByText('It hurts when I turn it.').waitFor();
  const chart = await pageOf(context);
  await chart.goto('/today');
  await host.bringToFront();
  await host.getByRole('button', { name: 'Lock', exact: true }).click();
  await host.getByRole('heading', { name: 'Locked' }).waitFor();
  const html = await host.content();
  for (const hidden of [visit.family, visit.number, visit.birth, 'It hurts', 'Ask somebody to come']) assert.ok(!html.includes(hidden), hidden);
  await findsNothing(host, 'locked beside a call');
  await photograph(host, 'visit-locked');
  await chart.waitForURL('**/lock**');
  // The call goes on: pictures move on both sides, and nothing else opens.
  await Promise.all([plays(host, '#tiles figure video'), plays(patient, '#tiles figure video')]);
  const status = await host.evaluate(async () => (await fetch('/today', { redirect: 'manual' })).type);
  assert.equal(status, 'opaqueredirect');

  await host.getByLabel('Password', { exact: true }).fill('not it');
  await host.getByLabel('Code of your authenticator app').fill('000000');
  await host.getByRole('button', { name: 'Unlock', exact: true }).click();
  await host.locator('#unlock-trouble').waitFor();
  await host.getByLabel('Password', { exact: true }).fill(user.password);
  await host.getByLabel('Code of your authenticator app').fill(await here.clinic.authenticator(user).code());
  await host.getByRole('button', { name: 'Unlock', exact: true }).click();
  await host.getByText('It hurts when I turn it.').waitFor();
  assert.equal(await host.locator('#locked').isVisible(), false);
  await plays(host, '#tiles figure video');
  // What needs the session works again.
  await linkFrom(host, 'family');
  await host.getByRole('button', { name: 'End for all' }).click();
  await patient.getByText('The visit is over.').waitFor();
  await host.getByRole('heading', { name: 'After the visit' }).waitFor();
  await findsNothing(host, 'after a visit, the clinician');
  await findsNothing(patient, 'after a visit, the patient');
  await photograph(patient, 'visit-after');
  await until('the encounter ends', async () => (await encounter())?.status === 'finished');
  const held = await encounter();
  assert.equal(held.class.code, 'VR');
  assert.ok(held.period.start < held.period.end);
  const told = held.extension.find(({ url }) => url === 'urn:wardstone:fhir:visit-by-video').extension;
  assert.deepEqual(told.filter(({ url }) => url === 'identity').map(({ valueCode }) => valueCode), ['link', 'birth-date', 'patient-id']);
  assert.deepEqual(held.statusHistory.map(({ status }) => status), ['arrived', 'in-progress']);
  assert.equal((await ask(`/fhir/Appointment/${visit.id}`)).status, 'fulfilled');
  assert.deepEqual(host.complaints, []);
});

test('a device that is reported lost is out of the call within a second, behind a locked screen too', async () => {
  const context = await here.browser.profile();
  const { host, patient } = await call(context, { isFromToday: true });
  await host.getByRole('button', { name: 'Lock', exact: true }).click();
  await host.getByRole('heading', { name: 'Locked' }).waitFor();
  const other = await pageOf(await here.browser.profile());
  await signInAtMe(other, here.clinic, 'asha.rao');
  const cut = (page) => page.evaluate(() => new Promise((resolve) => {
    const look = () => {
      const is = document.querySelector('#tiles figure') === null;
      if (is) resolve(Date.now()); else setTimeout(look, 20);
    };
    look();
  }));
  const gone = cut(patient);
  const devices = other.getByRole('table').filter({ hasText: 'Browsers that hold a key of yours' });
  const row = devices.locator('tbody tr').filter({ hasNotText: '(this one)' }).filter({ has: other.getByRole('button', { name: 'Lost' }) });
  const [answer] = await Promise.all([
    other.waitForResponse((answer) => answer.url().endsWith('/me/devices/close')),
    row.first().getByRole('button', { name: 'Lost' }).click(),
  ]);
  assert.equal(answer.status(), 303);
  const reported = Date.now();
  const took = await gone - reported;
  assert.ok(took <= CUT_MS_MAX, `${took} ms`);
  await patient.getByText('The clinic cut this call off.').waitFor();
  await host.waitForURL(/\/(lock|signin)/);
  const told = (await here.clinic.events('visit')).map((event) => JSON.stringify(event)).join('\n');
  assert.match(told, /Revoked/);
});
