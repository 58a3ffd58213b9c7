// A note of a visit: its templates and one's own, diagnoses in order, orders made from it and taken into the plan.

import assert from 'node:assert/strict';
import test from 'node:test';

import { findsNothing } from '../support/axe.js';
import { pageOf, photograph } from '../support/browser.js';
import { house } from '../support/house.js';
import { signIn } from '../support/people.js';

const here = house();
const chart = () => `/patients/${here.clinic.user('patient').patient.split('/')[1]}`;
const part = (page, name) => page.getByLabel(name, { exact: true });
const saved = (page) => page.locator('#saved', { hasText: /^Saved \d\d:\d\d/ }).waitFor();

test('a physician writes a visit with templates of her own, diagnoses and orders', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'asha.rao');
  await page.goto('/notes/own');
  await findsNothing(page, 'no templates of one\'s own');
  await page.getByLabel('Phrase', { exact: true }).fill('.cough');
  await page.getByLabel('Stands for').fill('Lungs clear, no wheeze, no fever.');
  await page.getByRole('button', { name: 'Save the phrase' }).click();
  await page.getByText('Saved.', { exact: true }).waitFor();
  await page.getByLabel('Name', { exact: true }).fill('Cough');
  await part(page, 'Subjective').fill('Coughs since ***');
  await part(page, 'Objective').fill('.cough');
  // "Saved." stands there already, of the phrase.
  await Promise.all([page.waitForEvent('load'), page.getByRole('button', { name: 'Save the template' }).click()]);
  await page.getByText('Saved.', { exact: true }).waitFor();
  await findsNothing(page, 'templates of one\'s own');
  await photograph(page, 'note-own');

  await page.goto(`${chart()}/notes/new`);
  await page.getByLabel('Template').selectOption({ label: 'Cough' });
  await page.getByRole('button', { name: 'Fill the empty parts' }).click();
  await saved(page);
  assert.equal(await part(page, 'Subjective').inputValue(), 'Coughs since ***');
  assert.equal(await part(page, 'Objective').inputValue(), 'Lungs clear, no wheeze, no fever.');
  // The phrase expands as one types, too.
  await part(page, 'Plan').pressSequentially('Fluids. .cough and rest.');
  await page.waitForFunction(() => document.getElementById('plan').value === 'Fluids. Lungs clear, no wheeze, no fever. and rest.');

  await page.getByLabel('Another diagnosis').fill('Acute bronchitis');
  await page.keyboard.press('Enter');
  await page.getByText('SNOMED CT 10509002 · primary').waitFor();
  assert.match(await part(page, 'Plan').inputValue(), /rest\.$/, 'nothing typed is lost by it');
  const taking = page.locator('.from button');
  if (await taking.count()) {
    await taking.first().click();
    await page.locator('.diagnoses li').nth(1).waitFor();
    await page.getByRole('button', { name: /^Move .* up$/ }).click();
    await page.waitForFunction(() => /Acute bronchitis/.test(document.querySelectorAll('.diagnoses li')[1]?.textContent));
  }
  await page.getByRole('button', { name: /To the problem list.*Acute bronchitis/ }).click();
  await page.locator('[aria-pressed=true]').waitFor();
  // Typed and left: it is in the draft.
  await page.getByLabel('Another diagnosis').fill('Sinusitis, perhaps');
  await part(page, 'Plan').focus();
  await saved(page);
  await page.reload();
  assert.equal(await page.getByLabel('Another diagnosis').inputValue(), 'Sinusitis, perhaps');
  await page.getByLabel('Another diagnosis').fill('');
  await findsNothing(page, 'a note with diagnoses');
  await photograph(page, 'note-diagnoses');
  await page.setViewportSize({ width: 390, height: 844 });
  await findsNothing(page, 'a note with diagnoses on a phone');
  await photograph(page, 'note-diagnoses-390');
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is wider than a phone');
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.emulateMedia({ colorScheme: 'dark' });
  await findsNothing(page, 'a note with diagnoses at night');
  await photograph(page, 'note-diagnoses-dark');
  await page.emulateMedia({ colorScheme: 'light' });

  // An order, and back with nothing lost.
  await part(page, 'Instructions for the patient').fill('Drink plenty.');
  await page.getByRole('button', { name: 'Order tests' }).click();
  await page.getByRole('heading', { name: 'New orders' }).waitFor();
  await photograph(page, 'note-order');
  await page.getByLabel('or in your words').fill('Cough');
  await page.locator('input[name=item]').first().check();
  await page.getByRole('button', { name: 'Draft these orders' }).click();
  await page.getByText('Drafted.').waitFor();
  await findsNothing(page, 'orders with the way back to the note');
  await page.getByRole('link', { name: 'Back to the note you are writing' }).click();
  assert.equal(await part(page, 'Instructions for the patient').inputValue(), 'Drink plenty.');
  await page.getByRole('button', { name: 'Put these into the plan' }).click();
  await page.waitForFunction(() => /\n\[chart .*\(not signed\)\]$/.test(document.getElementById('plan')?.value ?? ''));
  await part(page, 'Subjective').fill('Coughs since Monday.');
  await part(page, 'Assessment').fill('Viral.');
  await page.getByRole('button', { name: 'Preview and sign' }).click();
  // The page that is left has diagnoses, too: it is left only when the server has the note.
  await page.getByRole('button', { name: 'Sign the note' }).waitFor();
  await page.getByRole('heading', { name: 'Diagnoses' }).waitFor();
  await findsNothing(page, 'the preview with diagnoses');
  await photograph(page, 'note-diagnoses-preview');
  await page.getByRole('button', { name: 'Sign the note' }).click();
  await page.getByRole('link', { name: 'Add an addendum' }).waitFor();
  await photograph(page, 'note-diagnoses-signed');
  await page.getByRole('link', { name: 'Summary for the patient, to print' }).click();
  await page.getByRole('heading', { name: 'Summary of your visit' }).waitFor();
  await page.getByText('Drink plenty.').waitFor();
  await findsNothing(page, 'the summary that goes home');
  await photograph(page, 'note-summary');
  await page.setViewportSize({ width: 390, height: 844 });
  await photograph(page, 'note-summary-390');
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.goto(`${chart()}/problems`);
  await page.getByRole('rowheader', { name: /^Acute bronchitis/ }).waitFor();
  assert.deepEqual(page.complaints, []);
  await context.close();
});

test('diagnoses are chosen without scripts, too', async () => {
  const context = await here.browser.profile({ javaScriptEnabled: false });
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'daniel.osei');
  await page.goto(`${chart()}/notes/new`);
  await part(page, 'Plan').fill('Rest.');
  await page.getByLabel('Another diagnosis').fill('10509002');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByText('SNOMED CT 10509002 · primary').waitFor();
  assert.equal(await part(page, 'Plan').inputValue(), 'Rest.');
  await page.getByRole('button', { name: 'Remove Acute bronchitis' }).click();
  await page.getByText('None yet. The first is the primary one').waitFor();
  await context.close();
});
