// A patient's way in: the front desk confirms itself in a dialog over the form, hands over a code, and the patient opens the own chart's account.

import assert from 'node:assert/strict';
import test from 'node:test';

import { findsNothing } from '../support/axe.js';
import { pageOf, photograph } from '../support/browser.js';
import { house } from '../support/house.js';
import { signIn, toMe } from '../support/people.js';
import { Authenticator } from '../support/totp.js';

const here = house({ patients: 4 });
const PASSWORD = 'seven grey herons on a wet roof';

/** As if the last confirmation were more than five minutes ago: what the page asks the server is answered so, once. */
async function confirmationIsOld(page) {
  await page.route('**/session/active', (route) => route.fulfill({ json: { idle_s: 800, absolute_s: 40_000, fresh_s: 0 } }));
}

test('the front desk confirms over the form, nothing typed is lost, and the patient sets up an account', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  const user = await signIn(page, here.clinic, 'front_desk');
  await page.goto('/today');
  const chart = await page.locator('#list a[href^="/patients/"]').first().getAttribute('href');
  await page.goto(chart);
  await page.getByRole('link', { name: 'Access for the patient' }).click();
  await page.getByLabel('What they sign in with').fill('new.patient@example.org');
  await page.getByLabel(/They are here, with a photo document/).check();
  await findsNothing(page, 'access for a patient');
  await photograph(page, 'patient-access');
  await confirmationIsOld(page);
  await page.getByRole('button', { name: 'Make the code' }).click();
  const dialog = page.getByRole('dialog', { name: 'Confirm that it is you' });
  await dialog.waitFor();
  await findsNothing(page, 'confirming, over the page');
  await photograph(page, 'confirm');
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  assert.equal(await page.getByLabel('What they sign in with').inputValue(), 'new.patient@example.org');
  await page.getByRole('button', { name: 'Make the code' }).click();
  const app = here.clinic.authenticator(user);
  await dialog.getByLabel('What your authenticator app shows').fill(app.wrong());
  await dialog.getByRole('button', { name: 'Confirm', exact: true }).click();
  await dialog.getByRole('alert').filter({ hasText: 'does not match' }).waitFor();
  await dialog.getByLabel('What your authenticator app shows').fill(await app.code());
  await dialog.getByRole('button', { name: 'Confirm', exact: true }).click();
  const code = await page.locator('#code').innerText();
  await findsNothing(page, 'a code for a patient');
  await photograph(page, 'patient-code');
  assert.deepEqual(page.complaints, []);
  await context.close();

  const own = await here.browser.profile();
  const patient = await pageOf(own);
  await patient.goto('/enrol');
  await patient.getByLabel('The code you were given').fill(code);
  await patient.getByRole('button', { name: 'Go on' }).click();
  await patient.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await patient.getByLabel('The same again').fill(PASSWORD);
  await patient.getByRole('button', { name: 'Set the password' }).click();
  await patient.getByRole('button', { name: 'Set up an authenticator app' }).click();
  const theirs = new Authenticator(await patient.locator('#totp-secret').innerText());
  await patient.getByLabel('The code that the app shows now').fill(await theirs.code());
  await patient.getByRole('button', { name: 'Confirm' }).click();
  await patient.getByRole('button', { name: 'Show my codes' }).click();
  await findsNothing(patient, 'enrolment with its guidance');
  await photograph(patient, 'enrolment-guidance');
  await patient.getByRole('checkbox', { name: 'I have read how to keep this account safe' }).check();
  await patient.getByRole('button', { name: 'Open my account' }).click();
  await toMe(patient);
  await patient.getByText('new.patient@example.org').waitFor();
  // The guidance of patients, and nothing of the workforce's.
  await patient.goto('/guidance');
  await patient.getByRole('heading', { name: 'Patients, and who stands for them' }).waitFor();
  assert.equal(await patient.getByRole('heading', { name: 'Whoever works here' }).count(), 0);
  await findsNothing(patient, 'guidance');
  assert.deepEqual(patient.complaints, []);
  await own.close();
});
