// A medical assistant brings a patient in: the day, the chart as far as it is theirs, vital signs, an allergy told of.

import assert from 'node:assert/strict';
import test from 'node:test';

import { findsNothing } from '../support/axe.js';
import { NARROW, pageOf, photograph } from '../support/browser.js';
import { house } from '../support/house.js';
import { signIn } from '../support/people.js';

const here = house({ patients: 12 });

test('a medical assistant brings a patient in, on a phone', async () => {
  const context = await here.browser.profile({ viewport: NARROW });
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'leo.brandt', (url) => !url.pathname.startsWith('/signin'));
  await page.goto('/');
  assert.equal(new URL(page.url()).pathname, '/today');
  await findsNothing(page, 'the day on a phone');
  const patient = page.locator('tr .c-who > a').first();
  const name = await patient.innerText();
  await patient.click();
  await page.waitForURL(/\/patients\/[A-Za-z0-9.-]+$/);
  assert.ok((await page.getByRole('heading', { level: 1 }).innerText()).startsWith(name.split(',')[0]), 'the chart of who was chosen');
  await findsNothing(page, 'the chart of a medical assistant');
  await photograph(page, 'rooming-chart');
  // What is not theirs has no way to it.
  for (const closed of ['Write a note', 'Prescribe', 'All orders; order, refer, sign']) {
    assert.equal(await page.getByText(closed, { exact: true }).count(), 0, closed);
  }
  await page.getByRole('link', { name: 'Enter a set, flowsheet and trends' }).click();
  await page.getByLabel('Systolic blood pressure').fill('124');
  await page.getByLabel('Diastolic blood pressure').fill('78');
  await page.getByRole('textbox', { name: 'Heart rate' }).fill('71');
  await page.getByRole('button', { name: 'Save the set' }).click();
  await page.getByText('Saved. The new set stands first in the flowsheet.').waitFor();
  assert.match(await page.locator('table.flow').innerText(), /124\/78/);
  await page.getByRole('link', { name: 'Chart', exact: true }).click();
  await page.getByRole('region', { name: 'Allergies' }).getByRole('link', { name: 'Change or add' }).click();
  await page.getByLabel('To what').fill('Latex');
  await page.getByLabel('What it is').selectOption('environment');
  await findsNothing(page, 'an allergy on a phone');
  await page.getByRole('button', { name: 'Add to the list' }).click();
  await page.getByRole('row', { name: /Latex/i }).waitFor();
  assert.deepEqual(page.complaints, []);
  await context.close();
});
