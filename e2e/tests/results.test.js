// Results: a physician goes through the list by key, acknowledges in one step, and tells the patient; without scripts it is the same.

import assert from 'node:assert/strict';
import test from 'node:test';

import { findsNothing } from '../support/axe.js';
import { pageOf, photograph } from '../support/browser.js';
import { house } from '../support/house.js';
import { signIn } from '../support/people.js';

const here = house({ patients: 15 });

const focusedItem = (page) => page.evaluate(() => document.activeElement.closest('.item')?.id ?? '');
const waiting = async (page) => Number(await page.locator('.tallies b').first().innerText());

test('a physician goes through results by key, worst first, and acknowledges', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'asha.rao');
  await page.getByRole('link', { name: 'Results', exact: true }).click();
  await page.getByRole('heading', { name: 'Results to acknowledge' }).waitFor();
  await photograph(page, 'results');
  await findsNothing(page, 'results');
  const first = page.locator('.item').first();
  assert.match(await first.innerText(), /6\.8 g\/dL critically low/);
  assert.match(await first.innerText(), /Born \d\d-[A-Z][a-z]{2}-\d{4}/);
  await page.keyboard.press('j');
  const one = await focusedItem(page);
  assert.notEqual(one, '');
  await page.keyboard.press('j');
  assert.notEqual(await focusedItem(page), one);
  await page.keyboard.press('k');
  assert.equal(await focusedItem(page), one);

  // What is critical is acknowledged on its own page, with the patient named again.
  await page.keyboard.press('e');
  await page.getByRole('heading', { name: 'Acknowledge', exact: true }).waitFor();
  await photograph(page, 'result');
  await findsNothing(page, 'result');
  await page.getByLabel('Message to the patient (optional)').fill('Your blood count is low. Please come in today.');
  await page.getByLabel('What is to be done').fill('Repeat the blood count');
  await page.getByRole('button', { name: 'Acknowledge' }).click();
  await page.getByText('Nothing was saved yet. What you typed is still here.').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'first', 'the summary has the focus');
  await photograph(page, 'result-refused');
  await findsNothing(page, 'result-refused');
  assert.equal(await page.getByLabel('Message to the patient (optional)').inputValue(), 'Your blood count is low. Please come in today.');
  const today = await page.getByLabel('Due by').getAttribute('min');
  await page.getByLabel('Due by').fill(today);
  await page.getByRole('button', { name: 'Acknowledge' }).click();
  await page.getByText('Acknowledged. The message is in the patient’s record').waitFor();
  assert.equal(await page.locator(`#${one}`).count(), 0, 'it left the list');
  await photograph(page, 'results-done');

  // In range: one key.
  const before = await waiting(page);
  await page.keyboard.press('j');
  for (let at = 0; at < 20; at += 1) {
    if (await page.evaluate(() => document.activeElement.querySelector('form') !== null)) break;
    await page.keyboard.press('j');
  }
  await page.keyboard.press('e');
  await page.getByText('Acknowledged.', { exact: true }).waitFor();
  assert.equal(await waiting(page), before - 1);
  await page.getByRole('navigation', { name: 'Lists' }).getByRole('link', { name: /^I cover/ }).click();
  await page.getByText(/You cover Mei Tanaka/).waitFor();
  await photograph(page, 'results-covered');
  await page.getByRole('link', { name: 'When I am away…' }).click();
  await page.getByRole('heading', { name: 'Away and covering' }).waitFor();
  await photograph(page, 'cover');
  await findsNothing(page, 'cover');
  assert.ok(!(await page.title()).match(/[A-Z]{4}/), 'a tab in the background names nobody');
  assert.deepEqual(page.complaints, []);
  await context.close();
});

test('of two who acknowledge, the second is told who was first and loses nothing; without scripts', async () => {
  const profiles = await Promise.all([0, 1].map(() => here.browser.profile({ javaScriptEnabled: false })));
  const [asha, daniel] = await Promise.all(profiles.map(pageOf));
  await signIn(asha, here.clinic, 'asha.rao');
  await signIn(daniel, here.clinic, 'daniel.osei');
  await asha.goto('/results?show=all');
  const address = await asha.locator('.item:has(.critical) h2 a').first().getAttribute('href');
  await asha.goto(address);
  await daniel.goto(address);
  await asha.getByRole('button', { name: 'Acknowledge' }).click();
  await asha.getByText('Acknowledged.', { exact: true }).waitFor();
  await daniel.getByLabel('Message to the patient (optional)').fill('Please call us.');
  await daniel.getByRole('button', { name: 'Acknowledge' }).click();
  await daniel.getByText(/^Asha Rao MD acknowledged this result before you/).waitFor();
  await photograph(daniel, 'result-overtaken');
  assert.equal(await daniel.getByLabel('Message to the patient (optional)').inputValue(), 'Please call us.');
  await daniel.getByRole('button', { name: /all the same/ }).click();
  await daniel.getByText(/The message is in the patient’s record/).waitFor();
  await Promise.all(profiles.map((context) => context.close()));
});
