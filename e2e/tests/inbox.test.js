// The inbox: a physician and a nurse work through it by key, answer, give on and snooze; without scripts it is the same.

import assert from 'node:assert/strict';
import test from 'node:test';

import { findsNothing } from '../support/axe.js';
import { pageOf, photograph } from '../support/browser.js';
import { house } from '../support/house.js';
import { signIn } from '../support/people.js';

const here = house({ patients: 15 });

const count = async (page) => Number(await page.locator('.tallies b').first().innerText());

test('a physician works through the inbox by key and answers a patient', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'asha.rao');
  await page.goto('/results?show=all');
  await photograph(page, 'results-many');
  await findsNothing(page, 'results-many');
  await page.getByRole('link', { name: 'Inbox', exact: true }).click();
  await page.getByRole('heading', { name: 'Inbox', exact: true }).waitFor();
  await photograph(page, 'inbox');
  await findsNothing(page, 'inbox');
  const before = await count(page);
  assert.ok(before >= 4, `there is something to do: ${before}`);
  await page.keyboard.press('j');
  const id = await page.evaluate(() => document.activeElement.id);
  await page.keyboard.press('s');
  assert.equal(await page.evaluate(() => document.activeElement.name), 'until', 's leads to the day');
  await page.keyboard.press('Escape');
  assert.deepEqual(await page.evaluate(() => [document.activeElement.id, document.querySelectorAll('.item details[open]').length]), [id, 0], 'Escape leaves it');
  await page.keyboard.press('s');
  await page.keyboard.press('Enter');
  await page.getByText('Snoozed. It comes back on its day.').waitFor();
  assert.equal(await count(page), before - 1);
  assert.equal(await page.locator(`#${id}`).count(), 0);
  await page.keyboard.press('j');
  await page.keyboard.press('e');
  await page.getByText('Done. Nothing was sent to anybody.').waitFor();
  assert.equal(await count(page), before - 2);
  await photograph(page, 'inbox-done');
  await findsNothing(page, 'inbox-done');
  await page.getByRole('button', { name: 'Take it back' }).click();
  await page.getByText('It is as it was before.').waitFor();
  assert.equal(await count(page), before - 1);
  await page.keyboard.press('j');
  await page.keyboard.press('e');
  await page.getByText('Done. Nothing was sent to anybody.').waitFor();
  assert.equal(await count(page), before - 2);
  await page.locator('.item h2 a', { hasText: 'Message from the patient' }).first().click();
  await page.getByRole('heading', { name: 'What becomes of it' }).waitFor();
  await photograph(page, 'inbox-message');
  await findsNothing(page, 'inbox-message');
  await page.getByRole('button', { name: 'Give on' }).click();
  await page.getByText('Nothing was saved yet. What you typed is still here.').waitFor();
  await findsNothing(page, 'inbox-refused');
  await page.getByLabel(/^Answer to the patient/).fill('Please come in at two today.');
  await page.getByRole('button', { name: 'Save the answer and be done' }).click();
  await page.getByText('The message is done.').waitFor();
  assert.equal(await count(page), before - 3);
  assert.ok(!(await page.title()).match(/[A-Z]{4}/), 'a tab in the background names nobody');
  assert.deepEqual(page.complaints, []);
  await context.close();
});

test('a nurse takes from the team and gives on with a reason; without scripts', async () => {
  const context = await here.browser.profile({ javaScriptEnabled: false });
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'nora.lind');
  await page.goto('/inbox?show=team');
  await photograph(page, 'inbox-team');
  const before = await count(page);
  const first = page.locator('.item').first();
  await first.getByRole('link', { name: /on…/ }).click();
  await page.getByLabel('To', { exact: true }).selectOption({ label: 'Asha Rao MD' });
  await page.getByLabel('Why').fill('Needs your decision on the dose');
  await page.getByRole('button', { name: 'Give on' }).click();
  await page.getByText('Given on, with your reason.').waitFor();
  assert.equal(await count(page), before - 1);
  await page.locator('.item').first().getByRole('button', { name: /^Done/ }).click();
  await page.getByText('Done. Nothing was sent to anybody.').waitFor();
  assert.equal(await count(page), before - 2);
  await context.close();
});
