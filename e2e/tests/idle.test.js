// Want of activity: a screen that shows a note being written locks by itself, and its person goes on where they were.

import assert from 'node:assert/strict';
import test from 'node:test';

import { pageOf } from '../support/browser.js';
import { house } from '../support/house.js';
import { giveCode, signIn } from '../support/people.js';

const here = house({ idleMinutes: 1 });
/** A minute without activity, and what the page needs to hear of it. */
const LOCKED_MS_MAX = 120_000;

test('a note that was being written when the screen locked for want of activity goes on where it was', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  const user = await signIn(page, here.clinic, 'asha.rao');
  const family = here.clinic.user('patient').patient;
  await page.goto(`/${family.replace('Patient/', 'patients/')}/notes/new`);
  const subjective = page.getByLabel('Subjective', { exact: true });
  await subjective.fill('of the lighthouse, first');
  await page.locator('#saved', { hasText: /^Saved \d\d:\d\d/ }).waitFor();
  // Within two minutes of the end it is said that the screen locks, and that drafts are kept.
  await page.getByText('This screen locks for want of activity.', { exact: false }).first().waitFor();
  await subjective.press('Control+End');
  await page.keyboard.type(' and last');
  const place = new URL(page.url()).pathname;
  await page.getByRole('heading', { name: 'Locked' }).waitFor({ timeout: LOCKED_MS_MAX });
  assert.ok(!(await page.content()).includes('lighthouse'));
  await page.getByLabel('Password', { exact: true }).fill(user.password);
  await page.getByRole('button', { name: 'Go on' }).click();
  await giveCode(page, await here.clinic.authenticator(user).code());
  await page.waitForURL((url) => url.pathname === place);
  await page.waitForFunction(() => document.getElementById('subjective')?.value === 'of the lighthouse, first and last');
  assert.deepEqual(page.complaints, []);
  await context.close();
});
