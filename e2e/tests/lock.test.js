// A screen that is locked, by its person or by time, and the way back for that person and nobody else.

import assert from 'node:assert/strict';
import test from 'node:test';

import { findsNothing } from '../support/axe.js';
import { pageOf, photograph } from '../support/browser.js';
import { house } from '../support/house.js';
import { giveCode, givePassword, signIn } from '../support/people.js';

const here = house({ patients: 12 });

async function toChart(page) {
  await page.goto('/today');
  await page.locator('tr .c-who > a').first().click();
  await page.waitForURL(/\/patients\/[A-Za-z0-9.-]+$/);
  return new URL(page.url()).pathname;
}

async function unlock(page, user) {
  await page.getByLabel('Password', { exact: true }).fill(user.password);
  await page.getByRole('button', { name: 'Go on' }).click();
  await giveCode(page, await here.clinic.authenticator(user).code());
}

test('whoever locks the screen comes back to the same page, as far down', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  const user = await signIn(page, here.clinic, 'asha.rao');
  const place = await toChart(page);
  const family = (await page.getByRole('heading', { level: 1 }).innerText()).split(',')[0];
  await page.evaluate(() => window.scrollTo(0, 600));
  const down = await page.evaluate(() => Math.round(scrollY));
  assert.ok(down > 100, 'the chart is longer than the screen');
  await page.keyboard.press('Control+k');
  await page.keyboard.type('lock');
  await page.getByRole('option', { name: 'Lock this screen', selected: true }).waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Locked' }).waitFor();
  await findsNothing(page, 'locked');
  await photograph(page, 'locked');
  const text = await page.locator('body').innerText();
  assert.ok(text.includes('Asha Rao') && !text.includes(family), text);
  assert.ok(!(await page.title()).includes('Asha'), 'a tab in the background says nothing');
  // What is kept is a number, under a key that says nothing.
  const kept = await page.evaluate(() => Object.entries(sessionStorage));
  assert.ok(kept.length === 1 && /^[0-9a-f]{16}$/.test(kept[0][0]) && /^\d+$/.test(kept[0][1]), JSON.stringify(kept));
  await unlock(page, user);
  await page.waitForURL((url) => url.pathname === place);
  await page.waitForFunction((wanted) => Math.abs(scrollY - wanted) < 40, down);
  assert.equal(new URL(page.url()).hash, '');
  assert.deepEqual(await page.evaluate(() => Object.entries(sessionStorage)), []);
  assert.deepEqual(page.complaints, []);
  await context.close();
});

test('without scripts it locks too, and somebody else begins at a page of their own', async () => {
  const context = await here.browser.profile({ javaScriptEnabled: false });
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'daniel.osei');
  const place = await toChart(page);
  await page.getByRole('button', { name: 'Lock' }).click();
  await page.getByRole('heading', { name: 'Locked' }).waitFor();
  // Going back shows nothing of it.
  await page.goBack();
  await page.getByRole('heading', { name: 'Locked' }).waitFor();
  await page.getByRole('link', { name: 'Sign in as yourself' }).click();
  const fay = here.clinic.user('fay.kim');
  await givePassword(page, { login: fay.username, password: fay.password });
  await giveCode(page, await here.clinic.authenticator(fay).code());
  await page.waitForURL((url) => !url.pathname.startsWith('/signin'));
  assert.notEqual(new URL(page.url()).pathname, place);
  await context.close();
});
