// Vital signs: a nurse enters a set by keyboard alone and reads it in the flowsheet; without scripts it is the same.

import assert from 'node:assert/strict';
import test from 'node:test';

import { findsNothing } from '../support/axe.js';
import { pageOf, photograph } from '../support/browser.js';
import { tabTo } from '../support/chart.js';
import { house } from '../support/house.js';
import { signIn } from '../support/people.js';

const here = house();
const PATIENT = 'WS-100001';

async function toVitals(page) {
  await page.goto('/patients');
  await tabTo(page, /^Born, or record number$/);
  await page.keyboard.type(PATIENT);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: '1 patient' }).waitFor();
  await tabTo(page, /^[A-Z' -]+, /);
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/patients\/[A-Za-z0-9.-]+$/);
  await tabTo(page, /^Enter a set, flowsheet and trends$/);
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/vitals$/);
}

test('a nurse enters vital signs by keyboard alone and sees them in the flowsheet', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'nora.lind');
  await toVitals(page);
  await photograph(page, 'vitals');
  await findsNothing(page, 'vitals');
  await tabTo(page, /^Systolic/);
  for (const value of ['128', '76', '720', '16']) {
    await page.keyboard.type(value);
    await page.keyboard.press('Tab');
  }
  await page.keyboard.type('99.1');
  // Echoed while it is typed, and refused with everything kept.
  assert.equal(await page.locator('#temperature-also').innerText(), '= 37.3 °C');
  await page.keyboard.press('Enter');
  await page.getByText('Nothing was saved yet. What you typed is still here.').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'wrong', 'the summary has the focus');
  await photograph(page, 'vitals-refused');
  await findsNothing(page, 'vitals-refused');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'pulse', 'it leads to its field');
  assert.equal(await page.getByLabel('Temperature', { exact: true }).inputValue(), '99.1');
  await page.keyboard.press('ControlOrMeta+A');
  await page.keyboard.type('134');
  await page.keyboard.press('Enter');
  await page.getByText('Nothing was saved yet. Please look again').waitFor();
  await photograph(page, 'vitals-asked');
  await findsNothing(page, 'vitals-asked');
  await tabTo(page, /^Right as typed/);
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/vitals\?saved=[0-9a-f]+$/);
  const table = page.getByRole('table', { name: /times from the newest/ });
  const cell = (row) => table.getByRole('row', { name: row }).getByRole('cell').first();
  assert.equal(await cell(/^Blood pressure/).innerText(), '128/76 mmHg');
  assert.match(await cell(/^Heart rate/).innerText(), /▲▲ 134 \/min very high/);
  assert.match(await cell(/^By/).innerText(), /Nora Lind/);
  await photograph(page, 'vitals-saved');
  await findsNothing(page, 'vitals-saved');

  // Each plot has a frame of its own, which is a line.
  const frames = await page.locator('svg.plot').evaluateAll((plots) => plots.map((plot) =>
    [...plot.querySelectorAll('.axis')].map((axis) => getComputedStyle(axis).fill).concat(plot.querySelector('use') ? 'use' : [])));
  assert.ok(frames.length > 3);
  for (const frame of frames) assert.deepEqual(frame, ['none']);
  // A plot is one stop; arrows go through its points, each said in words.
  const pulse = page.locator('figure', { hasText: 'Heart rate (/min)' });
  assert.equal(await pulse.locator('.dot[tabindex="0"]').count(), 1);
  await pulse.locator('.dot[tabindex="0"]').focus();
  assert.match(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), /134 \/min, very high$/);
  await page.keyboard.press('ArrowLeft');
  const before = await page.evaluate(() => document.activeElement.getAttribute('aria-label'));
  assert.doesNotMatch(before, /134/);
  await pulse.locator('text', { hasText: before }).waitFor({ state: 'visible' });
  assert.ok(!(await page.title()).match(/[A-Z]{4}/), 'a tab in the background names nobody');
  assert.deepEqual(page.complaints, []);
  await context.close();
});

test('without scripts, and going back to send the form again, there is one set', async () => {
  const context = await here.browser.profile({ javaScriptEnabled: false });
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'nora.lind');
  await toVitals(page);
  // Near the last one, so that nothing is asked about it.
  const last = Number((await page.getByText(/last [\d.]+ kg/).first().innerText()).match(/last ([\d.]+) kg/)[1]);
  const [weight, pounds] = [(last + 0.5).toFixed(1), ((last + 0.5) * 2.204_622_621_8).toFixed(1)];
  await page.getByLabel('Heart rate', { exact: true }).fill('71');
  await page.getByLabel('Weight', { exact: true }).fill(weight);
  await page.getByLabel('Unit of Weight').selectOption('kg');
  const sets = () => page.locator('.flow thead th.right').count();
  const before = await sets();
  await page.getByRole('button', { name: 'Save the set' }).click();
  await page.getByText('Saved. The new set stands first in the flowsheet.').waitFor();
  const after = await sets();
  await page.goBack();
  await page.getByLabel('Heart rate', { exact: true }).fill('71');
  await page.getByLabel('Weight', { exact: true }).fill(weight);
  await page.getByLabel('Unit of Weight').selectOption('kg');
  await page.getByRole('button', { name: 'Save the set' }).click();
  await page.waitForURL(/\/vitals\?saved=[0-9a-f]+$/);
  assert.equal(await sets(), after);
  assert.ok(after >= before);
  assert.equal((await page.locator('.flow tr', { hasText: 'Weight' }).locator('td').first().innerText()).replace(/\s+/g, ' ').trim(), `${weight} kg ${pounds} lb`);
  await context.close();
});
