// What is pointed out before a signature and stops nobody; addenda under their note; prescriptions that nobody signed.

import assert from 'node:assert/strict';
import test from 'node:test';

import { findsNothing } from '../support/axe.js';
import { pageOf, photograph } from '../support/browser.js';
import { house } from '../support/house.js';
import { signIn } from '../support/people.js';

const here = house();
const chart = () => `/patients/${here.clinic.user('patient').patient.split('/')[1]}`;
const part = (page, name) => page.getByLabel(name, { exact: true });

async function looksRight(page, name) {
  await findsNothing(page, name);
  await page.emulateMedia({ colorScheme: 'dark' });
  await findsNothing(page, `${name}, at night`);
  await page.emulateMedia({ colorScheme: null });
  await page.setViewportSize({ width: 390, height: 844 });
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name} is not wider than a phone`);
  await page.setViewportSize({ width: 1440, height: 900 });
  await photograph(page, name);
}

test('a physician is told what to look at, signs all the same, and finds what she has not signed', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'asha.rao');
  await page.goto(`${chart()}/notes/new`);
  await part(page, 'Plan').fill('Rest and fluids.');
  for (const [typed, words] of [['Acute bronchitis', 'SNOMED CT 10509002'], ['acute bronchitis, viral?', 'no code']]) {
    await page.getByLabel('Another diagnosis').fill(typed);
    await page.keyboard.press('Enter');
    await page.locator('.diagnoses').getByText(words).waitFor();
  }
  await page.getByRole('button', { name: 'Order tests' }).click();
  await page.getByRole('heading', { name: 'New orders' }).waitFor();
  await page.getByLabel('Why: a diagnosis of this visit, or a problem').selectOption({ label: 'Acute bronchitis' });
  await looksRight(page, 'pointed-order');
  await page.getByRole('link', { name: 'Back to the note you are writing' }).click();
  await page.getByRole('button', { name: 'Preview and sign' }).click();
  await page.getByText('“acute bronchitis, viral?” has no code').waitFor();
  await looksRight(page, 'pointed-preview');
  await page.getByRole('button', { name: 'Sign the note' }).click();
  await page.getByRole('link', { name: 'Add an addendum' }).click();
  await part(page, 'Plan').fill('Stop the fluids.');
  await page.getByRole('button', { name: 'Preview and sign' }).click();
  await page.getByRole('button', { name: 'Sign the note' }).click();
  await page.getByRole('link', { name: 'the note before' }).click();
  await page.getByRole('heading', { name: 'Addendum', exact: true }).waitFor();
  await page.getByText('Plan: Stop the fluids.').waitFor();
  await looksRight(page, 'pointed-addendum');
  await page.goto(chart());
  await page.getByText('Addendum, plan: Stop the fluids.').waitFor();
  await looksRight(page, 'pointed-chart');

  const draft = async (quantity) => {
    await page.goto(`${chart()}/prescriptions/new`);
    await page.getByLabel('Medicine, with strength and form').fill('ibuprofen 200 mg oral tablet');
    await page.getByLabel('How much at a time').fill('1');
    await page.getByLabel('Of what').selectOption('tablet');
    await page.getByLabel('How', { exact: true }).selectOption('by mouth');
    await page.getByLabel('How often').selectOption('3/1/d');
    await page.getByLabel('For how many days').fill('7');
    await page.getByLabel('How much is given out').fill(quantity);
    await page.getByRole('button', { name: 'Save the draft and look at it' }).click();
    await page.getByRole('button', { name: 'Sign the prescription' }).waitFor();
  };
  await draft('21');
  await page.getByRole('button', { name: 'Sign the prescription' }).click();
  await page.getByText('Signed. It was not sent anywhere').waitFor();
  await draft('40');
  await page.getByText('1 tablet three times daily for 7 days is 21 tablets; 40 tablets given out.').waitFor();
  await page.getByText('Both have ibuprofen.').waitFor();
  await looksRight(page, 'pointed-prescription');
  await page.goto('/today');
  await page.getByRole('link', { name: /prescriptions? to sign/ }).click();
  await page.getByRole('heading', { name: 'Prescriptions', exact: true }).waitFor();
  await looksRight(page, 'pointed-unsigned');
  await page.getByRole('link', { name: 'ibuprofen 200 mg oral tablet' }).first().click();
  await page.getByRole('button', { name: 'Sign the prescription' }).waitFor();
  assert.deepEqual(page.complaints, []);
  await context.close();
});
