// Finding a patient and reading the chart, by keyboard, without scripts, behind broken glass, and as axe sees it.

import assert from 'node:assert/strict';
import test from 'node:test';

import { findsNothing } from '../support/axe.js';
import { pageOf, photograph } from '../support/browser.js';
import { find } from '../support/chart.js';
import { house } from '../support/house.js';
import { giveCode, givePassword, signIn, toMe } from '../support/people.js';

/** The twelfth patient is the care team's alone. */
const here = house({ patients: 12 });
const OPEN = 'WS-100001';
const WITHHELD = 'WS-100012';

test('a physician finds a patient and reads the chart by keyboard alone', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'asha.rao');
  await page.getByRole('navigation', { name: 'Places' }).getByRole('link', { name: 'Patients' }).press('Enter');
  await page.waitForURL('**/patients');
  // The name field has the focus; the second is one tab away.
  await page.waitForFunction(() => document.activeElement.id === 'name');
  await page.keyboard.press('Tab');
  await page.keyboard.type(OPEN);
  await findsNothing(page, 'find');
  await photograph(page, 'find');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: '1 patient' }).waitFor();
  assert.ok(!page.url().includes(OPEN), 'what was typed is in no address');
  await findsNothing(page, 'found');
  await photograph(page, 'found');
  // From the heading of the list to its first patient.
  await page.keyboard.press('Tab');
  const name = await page.evaluate(() => document.activeElement.textContent);
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/patients\/[A-Za-z0-9.-]+$/);
  const [family] = name.split(', ');
  assert.ok((await page.getByRole('heading', { level: 1 }).innerText()).startsWith(family));
  assert.ok(!(await page.title()).includes(family), 'a tab in the background says nothing');
  for (const panel of ['Problems', 'Medicines', 'Allergies', 'Vital signs', 'Results', 'Last plans', 'Open orders', 'Visits']) {
    await page.getByRole('heading', { name: panel, exact: true }).waitFor();
  }
  await findsNothing(page, 'chart');
  await photograph(page, 'chart');

  // A course is a picture, and a list for whoever opens it.
  const weight = page.getByRole('img', { name: /^Weight: \d+ readings/ });
  await weight.click();
  await page.getByText('Weight, every reading shown above, newest first').waitFor();
  await findsNothing(page, 'chart with a list open');
  assert.deepEqual(page.complaints, []);
  await context.close();
});

test('the banner stays and hides no focus, whatever is tabbed to', async () => {
  const context = await here.browser.profile({ viewport: { width: 1024, height: 500 } });
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'asha.rao');
  await find(page, OPEN);
  await page.locator('tbody a').click();
  await page.getByRole('heading', { name: 'Visits' }).waitFor();
  const hidden = () => page.evaluate(() => {
    const focus = document.activeElement.getBoundingClientRect();
    const banner = document.querySelector('.banner').getBoundingClientRect();
    return document.activeElement.closest('.chart') !== null && focus.top < banner.bottom - 1;
  });
  for (const [key, times] of [['Tab', 40], ['Shift+Tab', 40]]) {
    for (let i = 0; i < times; i += 1) {
      await page.keyboard.press(key);
      assert.equal(await hidden(), false, `${key} ${i}: ${await page.evaluate(() => document.activeElement.outerHTML)}`);
    }
  }
  await page.mouse.wheel(0, 800);
  await page.waitForFunction(() => scrollY > 200);
  assert.equal(await page.evaluate(() => document.querySelector('.banner').getBoundingClientRect().top), 0);
  // At twice and at four times the size nothing runs out of the window (WCAG 1.4.4, 1.4.10).
  for (const width of [512, 320]) {
    await page.setViewportSize({ width, height: 384 });
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false, `${width}`);
  }
  await context.close();
});

test('without scripts a chart reads the same', async () => {
  const context = await here.browser.profile({ javaScriptEnabled: false });
  const page = await pageOf(context);
  const user = here.clinic.user('asha.rao');
  await givePassword(page, { login: user.username, password: user.password });
  await giveCode(page, await here.clinic.authenticator(user).code());
  await toMe(page);
  await find(page, OPEN);
  await page.locator('tbody a').click();
  await page.getByRole('heading', { name: 'Vital signs' }).waitFor();
  await page.getByRole('img', { name: /^Weight: / }).click();
  await page.getByText('Weight, every reading shown above').waitFor();
  await context.close();
});

test('a withheld chart says why, and opens behind broken glass until it is closed', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'nora.lind');
  await find(page, WITHHELD);
  await page.locator('tbody a').click();
  await page.getByRole('heading', { name: 'This chart is withheld' }).waitFor();
  await findsNothing(page, 'withheld');
  await photograph(page, 'withheld');
  assert.equal(await page.getByRole('heading', { name: 'Problems' }).count(), 0);
  await page.getByRole('button', { name: 'Break the glass…' }).click();
  await findsNothing(page, 'asked why, over the page');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog', { name: 'Break the glass for an hour' }).waitFor({ state: 'hidden' });
  await page.getByRole('button', { name: 'Break the glass…' }).click();
  await page.getByLabel('Why you need this chart now').fill('now');
  await page.getByRole('button', { name: 'Break the glass for an hour' }).click();
  await page.getByRole('alert').filter({ hasText: 'ten letters' }).waitFor();
  await findsNothing(page, 'withheld, with an error');
  await page.getByLabel('Why you need this chart now').fill('Chest pain in the waiting room');
  await page.getByRole('button', { name: 'Break the glass for an hour' }).click();
  await page.getByText('The glass of this chart is broken until').waitFor();
  await page.getByRole('heading', { name: 'Problems' }).waitFor();
  await findsNothing(page, 'broken glass');
  await photograph(page, 'glass');
  await page.getByRole('button', { name: 'I am done: close it' }).click();
  await page.waitForURL('**/patients');
  await find(page, WITHHELD);
  await page.locator('tbody a').click();
  await page.getByRole('heading', { name: 'This chart is withheld' }).waitFor();
  assert.deepEqual(page.complaints, []);
  await context.close();
});

test('the front desk sees who comes when and nothing else', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'fay.kim');
  await find(page, OPEN);
  await page.locator('tbody a').click();
  await page.getByRole('heading', { name: 'Next' }).waitFor();
  assert.deepEqual(await page.getByRole('heading', { level: 2 }).allInnerTexts(), ['Next']);
  await findsNothing(page, 'chart of the front desk');
  await photograph(page, 'chart-front-desk');
  await context.close();
});

test('axe finds nothing at the door and in one’s own account', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  for (const path of ['/signin', '/enrol', '/nowhere']) {
    await page.goto(path);
    await findsNothing(page, path);
  }
  const user = here.clinic.user('daniel.osei');
  await givePassword(page, { login: user.username, password: user.password });
  await page.getByLabel('Code of your authenticator app').waitFor();
  await findsNothing(page, 'second step');
  await giveCode(page, await here.clinic.authenticator(user).code());
  await toMe(page);
  for (const path of ['/me', '/me/proofs', '/stepup', '/today', '/patients', '/patients/nobody']) {
    await page.goto(path);
    await findsNothing(page, path);
  }
  await context.close();
});
