// Orders: a physician orders a set by keyboard, is stopped before the wrong patient, signs, and follows what comes of it.

import assert from 'node:assert/strict';
import test from 'node:test';

import { findsNothing } from '../support/axe.js';
import { NARROW, pageOf, photograph } from '../support/browser.js';
import { openChart, tabTo } from '../support/chart.js';
import { house } from '../support/house.js';
import { signIn } from '../support/people.js';

const here = house();
const PATIENT = 'WS-100001';

async function toOrders(page) {
  await page.goto(`${await openChart(page, PATIENT)}/orders`);
}

/** What the banner says of the patient: initials, and the year of birth. */
async function identifiers(page) {
  const heading = await page.locator('.banner h1').innerText();
  const [family, given] = heading.split(', ');
  const born = await page.locator('.facts dd').first().innerText();
  return { initials: `${given.trim()[0]}${family.trim()[0]}`, year: /-(\d{4})/.exec(born)[1] };
}

test('a physician orders a set by keyboard, is stopped at a wrong identifier, and signs', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'physician');
  await toOrders(page);
  await photograph(page, 'orders-empty');
  await findsNothing(page, 'orders-empty');
  await tabTo(page, /^Order tests$/);
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/orders\/new$/);
  await tabTo(page, /^Diabetes follow-up$/);
  await page.keyboard.press('Enter');
  await page.waitForLoadState();
  assert.equal(await page.getByLabel('Hemoglobin A1c', { exact: true }).isChecked(), true);
  await tabTo(page, /^Find an order$/);
  await page.keyboard.type('chest x');
  await page.getByText('1 found').waitFor();
  await page.keyboard.press('Enter');
  await page.getByText('Ticked: Chest X-ray').waitFor();
  await page.getByLabel('Urine albumin/creatinine ratio', { exact: true }).uncheck();
  await page.getByRole('button', { name: 'Put Hemoglobin A1c among my favourites' }).click();
  await page.getByRole('button', { name: 'Take Hemoglobin A1c off my favourites' }).waitFor();
  assert.equal(await page.getByLabel('Chest X-ray, PA and lateral', { exact: true }).isChecked(), true, 'a star keeps what is ticked');
  await photograph(page, 'orders-new');
  await findsNothing(page, 'orders-new');
  await page.getByRole('button', { name: 'Draft these orders' }).click();
  await page.getByText('Nothing was drafted yet').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'wrong', 'the summary has the focus');
  await photograph(page, 'orders-new-refused');
  await findsNothing(page, 'orders-new-refused');
  await page.getByLabel('or in your words').fill('Diabetes, yearly');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/orders\?done=added$/);
  await photograph(page, 'orders-drafts');
  await findsNothing(page, 'orders-drafts');

  await tabTo(page, /^Patient’s initials$/);
  await page.keyboard.type('XQ');
  await tabTo(page, /^Patient’s year of birth$/);
  await page.keyboard.type('1901');
  await page.keyboard.press('Enter');
  await page.getByText('Nothing was signed: what you typed does not fit').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'wrong');
  assert.equal(await page.getByRole('checkbox', { checked: true }).count(), 4, 'nothing is lost');
  await photograph(page, 'orders-wrong-patient');
  await findsNothing(page, 'orders-wrong-patient');

  const { initials, year } = await identifiers(page);
  await page.getByLabel('Patient’s initials').fill(initials);
  await page.getByLabel('Patient’s year of birth').fill(year);
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/orders\?done=signed$/);
  assert.equal(await page.getByRole('table', { name: /Open orders/ }).getByText('waiting').count(), 4);
  await photograph(page, 'orders-open');
  await findsNothing(page, 'orders-open');
  assert.equal((await page.title()).split(' – ')[0], 'Orders', 'a tab in the background names nobody');

  // Back to the drafts, and sent again: signed once.
  await page.goto('/orders');
  assert.equal(await page.getByRole('table', { name: /My open orders/ }).getByText('waiting').count(), 4);
  await photograph(page, 'orders-mine');
  await findsNothing(page, 'orders-mine');
  await page.getByRole('link', { name: 'Hemoglobin A1c' }).click();
  await page.getByRole('button', { name: 'Cancel the order' }).click();
  await page.getByText('Say why, in a few words.').waitFor();
  await photograph(page, 'order');
  await findsNothing(page, 'order');
  await page.getByLabel('Why it is closed or cancelled').fill('Drawn last week');
  await page.getByRole('button', { name: 'Cancel the order' }).click();
  await page.getByText('The order is cancelled.').waitFor();
  assert.deepEqual(page.complaints, []);
  await context.close();
});

test('without scripts a referral is drafted, signed and printed on a phone', async () => {
  const context = await here.browser.profile({ javaScriptEnabled: false, viewport: NARROW });
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'physician');
  await toOrders(page);
  await page.getByRole('link', { name: 'Refer', exact: true }).click();
  await page.getByLabel('Specialty').selectOption({ label: 'Ophthalmology' });
  await page.getByLabel('To whom').fill('Lakeside Eye Clinic');
  await page.getByLabel('Question').fill('Diabetic retinopathy? Please examine both eyes.');
  await page.getByLabel('or in your words').fill('Diabetes');
  await page.getByRole('checkbox').first().check();
  await page.getByRole('button', { name: 'Draft the referral' }).click();
  const { initials, year } = await identifiers(page);
  await page.getByLabel('Patient’s initials').fill(initials.toLowerCase());
  await page.getByLabel('Patient’s year of birth').fill(year);
  await page.getByRole('button', { name: 'Sign', exact: true }).click();
  await page.getByRole('link', { name: 'Referral to ophthalmology' }).click();
  await page.getByRole('link', { name: 'Letter to print' }).click();
  await page.getByText('Nothing is transmitted.').waitFor();
  assert.ok((await page.locator('.enclosed').innerText()).length > 50, 'the note goes along');
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'no wider than the phone');
  await context.close();

  const scripted = await here.browser.profile();
  const again = await pageOf(scripted);
  await signIn(again, here.clinic, 'physician');
  await toOrders(again);
  await again.getByRole('link', { name: 'Refer', exact: true }).click();
  await photograph(again, 'referral-new');
  await findsNothing(again, 'referral-new');
  await again.goBack();
  await again.getByRole('link', { name: 'Referral to ophthalmology' }).click();
  await again.getByRole('link', { name: 'Letter to print' }).click();
  await photograph(again, 'referral-letter');
  await findsNothing(again, 'referral-letter');
  assert.deepEqual(again.complaints, []);
  await scripted.close();
});
