// The command palette and the keys: by keyboard alone, on a phone, with letters switched off, and as axe sees it.

import assert from 'node:assert/strict';
import test from 'node:test';

import { findsNothing } from '../support/axe.js';
import { NARROW, pageOf, photograph } from '../support/browser.js';
import { house } from '../support/house.js';
import { signIn } from '../support/people.js';

const here = house({ patients: 15 });
const OPEN = 'WS-100001';

/** Letters with which names of several patients begin. */
async function common() {
  const { entry } = await here.clinic.get('/fhir/Patient?_count=50', here.clinic.user('asha.rao').token);
  const begins = entry.flatMap(({ resource }) => {
    const parts = resource.name.flatMap(({ family, given = [] }) => [family, ...given]);
    return [...new Set(parts.map((part) => part.slice(0, 2).toLowerCase()))];
  });
  return begins.find((one, at) => /^[a-z]+$/.test(one) && begins.indexOf(one) !== at);
}

const said = (page) => page.locator('#palette-said');
const chosen = (page) => page.evaluate(() => {
  const id = document.getElementById('palette-text').getAttribute('aria-activedescendant');
  return id ? document.getElementById(id).textContent : '';
});

test('a physician goes to a chart, a note and the calendar without leaving the keyboard', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'asha.rao');
  const sent = [];
  page.on('request', (request) => sent.push(`${request.method()} ${request.url()}`));
  await page.keyboard.press('Control+k');
  const field = page.getByRole('combobox', { name: 'Patient, action or page' });
  await field.waitFor();
  await page.getByRole('option', { name: 'Calendar' }).waitFor();
  assert.equal(await chosen(page), '', 'nothing is chosen before something is typed');
  await photograph(page, 'palette');
  await findsNothing(page, 'palette');
  await page.keyboard.type(OPEN.toLowerCase());
  await page.getByRole('option', { name: /born \d\d-[A-Z][a-z]{2}-\d{4}.*MRN WS-100001/ }).waitFor();
  assert.match(await said(page).innerText(), /^1 patient\.$/);
  assert.match(await chosen(page), /^[A-Z' -]+, .* · born \d\d-[A-Z][a-z]{2}-\d{4} \(\w+\) · MRN WS-100001$/, 'the only one is chosen');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/patients\/[A-Za-z0-9.-]+$/);
  const chart = page.url();

  // Of several nobody is chosen, and Enter opens nobody.
  await page.keyboard.press('Control+k');
  await page.keyboard.type(await common());
  await page.getByRole('option', { name: /MRN/ }).nth(1).waitFor();
  await page.waitForFunction(() => /patients/.test(document.getElementById('palette-said').textContent));
  await photograph(page, 'palette-patients');
  await findsNothing(page, 'palette with patients');
  assert.equal(await chosen(page), '');
  await page.keyboard.press('Enter');
  assert.equal(page.url(), chart);
  assert.match(await said(page).innerText(), /Choose one with the arrow keys/);
  await page.keyboard.press('ArrowUp');
  assert.match(await chosen(page), /MRN/);
  await page.keyboard.press('Escape');
  // Nothing of it stays.
  await page.waitForFunction(() => !document.getElementById('palette').open && !document.getElementById('palette-list').hasChildNodes());

  // An action of the open patient.
  await page.keyboard.press('Control+k');
  await page.getByRole('group', { name: 'This patient' }).waitFor();
  await page.keyboard.type('vit');
  assert.equal(await chosen(page), 'Enter vital signs');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/vitals$/);

  // A page, and no name in any address.
  await page.keyboard.press('Control+k');
  await page.keyboard.type('cale');
  await page.waitForFunction(() => document.getElementById('palette-text').hasAttribute('aria-activedescendant'));
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/schedule/);
  assert.ok(sent.some((one) => one.startsWith('POST') && one.endsWith('/palette/patients')));
  assert.ok(!sent.some((one) => one.toLowerCase().includes('ws-100001')), 'what was typed is in no address');
  const kept = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
  assert.equal(kept, '{}', 'nothing is kept on the device');
  assert.deepEqual(page.complaints, []);
  await context.close();
});

test('an answer that comes late does not replace a newer one', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  // The page lets go of what it does not wait for any more. Here it cannot, as where the answer is on its way already.
  await page.addInitScript(() => { AbortController.prototype.abort = () => {}; });
  await signIn(page, here.clinic, 'asha.rao');
  let answer;
  const isNewerThere = new Promise((there) => { answer = there; });
  const isFirst = (one) => one.url().endsWith('/palette/patients') && one.postDataJSON().text === 'an';
  await page.route('**/palette/patients', async (route) => {
    if (isFirst(route.request())) await isNewerThere;
    return route.continue();
  });
  const asked = page.waitForRequest(isFirst);
  const answered = page.waitForEvent('requestfinished', isFirst);
  await page.keyboard.press('Control+k');
  await page.keyboard.type('an');
  await asked;
  await page.locator('#palette-text').fill(OPEN);
  await page.getByRole('option', { name: /WS-100001/ }).waitFor();
  answer();
  await answered;
  await page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); }));
  assert.equal(await page.locator('#palette-list').getByRole('option').count(), 1);
  await context.close();
});

test('letters are keys only where nothing is typed, and whoever wants switches them off', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'nora.lind');
  await page.keyboard.press('g');
  await page.keyboard.press('p');
  await page.waitForURL('**/patients');
  // In a field a letter is a letter.
  await page.waitForFunction(() => document.activeElement.id === 'name');
  await page.keyboard.type('g?/t');
  assert.equal(await page.getByLabel('Name', { exact: true }).inputValue(), 'g?/t');
  await page.getByRole('heading', { level: 1 }).click();
  await page.keyboard.press('/');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'name', 'the slash leads to the field that finds');
  assert.equal(await page.getByLabel('Name', { exact: true }).inputValue(), 'g?/t', 'and is not typed into it');
  await page.getByRole('heading', { level: 1 }).click();
  await page.keyboard.press('?');
  const keys = page.getByRole('dialog', { name: 'Keys' });
  await keys.waitFor();
  await keys.getByRole('row', { name: /g t Today/ }).waitFor();
  await photograph(page, 'keys');
  await findsNothing(page, 'keys');
  await keys.getByRole('button', { name: 'Switch them off' }).click();
  await keys.getByText('They are off: only Ctrl K acts.').waitFor();
  await keys.getByRole('button', { name: 'Close' }).click();
  const before = page.url();
  for (const key of ['?', 'g', 't', '/']) await page.keyboard.press(key);
  await page.waitForTimeout(200);
  assert.equal(page.url(), before);
  assert.equal(await keys.isVisible(), false);

  // The choice is the person's, not the device's; Ctrl K acts all the same and leads to the list.
  const other = await here.browser.profile({ viewport: NARROW });
  const phone = await pageOf(other);
  await signIn(phone, here.clinic, 'nora.lind');
  await phone.goto('/inbox');
  assert.equal(await phone.locator('#keys').isVisible(), false, 'keys that do nothing are not told of');
  await phone.getByRole('button', { name: /^Search or go to/ }).click();
  await phone.getByRole('option', { name: 'List of keys' }).click();
  await phone.getByRole('dialog', { name: 'Keys' }).getByRole('button', { name: 'Switch them on' }).click();
  await phone.getByText('They are on.').waitFor();
  await phone.getByRole('button', { name: 'Close' }).click();
  await phone.getByRole('button', { name: /^Search or go to/ }).click();
  await phone.getByRole('option', { name: 'Inbox' }).waitFor();
  await findsNothing(phone, 'palette on a phone');
  assert.equal(await phone.evaluate(() => document.documentElement.scrollWidth > innerWidth), false);
  await page.reload();
  await page.getByRole('heading', { level: 1 }).click();
  await page.keyboard.press('?');
  await keys.waitFor();
  assert.deepEqual([...page.complaints, ...phone.complaints], []);
  await other.close();
  await context.close();
});

test('without scripts nothing of it shows', async () => {
  const context = await here.browser.profile({ javaScriptEnabled: false });
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'asha.rao');
  for (const one of ['#seek', '#palette', '#key-list']) assert.equal(await page.locator(one).isVisible(), false, one);
  assert.equal(await page.getByRole('heading', { name: 'Keys' }).count(), 0);
  await context.close();
});
