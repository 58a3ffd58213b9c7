// Somebody comes for the first time: registered and booked by the front desk, roomed by the nurse and the assistant of their clinician.

import assert from 'node:assert/strict';
import test from 'node:test';

import { findsNothing } from '../support/axe.js';
import { NARROW, pageOf, photograph } from '../support/browser.js';
import { house } from '../support/house.js';
import { register, signIn } from '../support/people.js';

const here = house({ patients: 6 });
const FAMILY = 'Quillfeather';
const BORN = '6-May-1961';

/** Signed in, on a page of their own. */
async function at(login, options) {
  const context = await here.browser.profile(options);
  const page = await pageOf(context);
  await signIn(page, here.clinic, login);
  return page;
}

test('a new patient is on the day of who rooms them, and nobody breaks the glass', async () => {
  const desk = await at('fay.kim');
  const chart = await register(desk, { family: FAMILY, given: 'Ivo', born: BORN });
  await desk.goto('/schedule');
  await desk.getByLabel('Of', { exact: true }).selectOption({ label: 'Asha Rao MD, a week' });
  await desk.getByRole('button', { name: 'Show' }).click();
  // Before that the calendar is of all clinicians.
  await desk.waitForURL((url) => ![null, 'all'].includes(url.searchParams.get('who')));
  // The first time that is free, this week or the next.
  const link = desk.getByRole('link', { name: /^Free, book/ }).first();
  if ((await link.count()) === 0) await desk.getByRole('link', { name: 'Week after ›' }).click();
  await link.click();
  await desk.getByLabel('Name').fill(FAMILY);
  await desk.getByLabel('Birth date or record number').fill(BORN);
  await desk.getByRole('button', { name: 'Find the patient' }).click();
  await desk.getByRole('button', { name: /^Book / }).click();
  const line = (page) => page.getByRole('row').filter({ hasText: new RegExp(FAMILY, 'i') });
  await line(desk).first().waitFor();
  const day = desk.url();

  const nurse = await at('nora.lind');
  await nurse.goto(day);
  await line(nurse).first().waitFor();
  await photograph(nurse, 'newcomer-today');
  await line(nurse).locator('.c-who > a').first().click();
  await nurse.waitForURL((url) => url.pathname === chart);
  assert.equal(await nurse.getByText('Break the glass').count(), 0);
  await nurse.goto(`${chart}/vitals`);
  await nurse.getByLabel('Systolic blood pressure').fill('132');
  await nurse.getByLabel('Diastolic blood pressure').fill('84');
  await nurse.getByRole('button', { name: 'Save the set' }).click();
  await nurse.getByText('Saved. The new set stands first in the flowsheet.').waitFor();

  const assistant = await at('leo.brandt', { viewport: NARROW });
  await assistant.goto(`${chart}/vitals`);
  assert.match(await assistant.locator('table.flow').innerText(), /132\/84/);
  await assistant.goto(chart);
  assert.equal(await assistant.getByText('Break the glass').count(), 0);

  // Asha names who works with her, and ends it: then the chart is closed again.
  const asha = await at('asha.rao');
  await asha.goto('/me');
  await asha.getByRole('link', { name: 'Who works with whom' }).click();
  await asha.getByRole('heading', { name: 'Who works with me', exact: true }).waitFor();
  await asha.getByRole('button', { name: /^End it now ?, Leo Brandt/ }).waitFor();
  await photograph(asha, 'colleagues');
  await findsNothing(asha, 'colleagues');
  await asha.getByRole('button', { name: /^End it now ?, Leo Brandt/ }).click();
  await asha.getByText('Saved.').waitFor();
  await assistant.goto(chart);
  await assistant.getByRole('heading', { name: 'This chart is withheld' }).waitFor();
  await asha.getByLabel('Who works with me').selectOption({ label: 'Leo Brandt CMA' });
  await asha.getByRole('button', { name: 'Save', exact: true }).click();
  await asha.getByText('Saved.').waitFor();
  await asha.setViewportSize(NARROW);
  await photograph(asha, 'colleagues-phone');
  await findsNothing(asha, 'colleagues on a phone');
  await assistant.goto(chart);
  await assistant.getByRole('heading', { level: 1 }).filter({ hasText: new RegExp(FAMILY, 'i') }).waitFor();
  for (const page of [desk, nurse, asha]) assert.deepEqual(page.complaints, []);
});
