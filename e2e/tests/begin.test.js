// A task of no result, begun from the inbox about a patient who is found first; without scripts, and seen by who is to do it.

import assert from 'node:assert/strict';
import test from 'node:test';

import { findsNothing } from '../support/axe.js';
import { pageOf, photograph } from '../support/browser.js';
import { house } from '../support/house.js';
import { signIn } from '../support/people.js';

const here = house();

test('a physician gives a medical assistant a call to make', async () => {
  const context = await here.browser.profile({ javaScriptEnabled: false });
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'asha.rao');
  await page.goto('/inbox');
  await page.getByRole('link', { name: 'New message or task' }).click();
  await page.getByRole('heading', { name: 'New message or task: about whom' }).waitFor();
  const patient = here.clinic.user('patient');
  await page.goto(`/patients/${patient.patient.split('/')[1]}/tasks/new`);
  await page.getByLabel('About', { exact: true }).fill('Call about the knee');
  await page.getByRole('button', { name: 'Save and give it' }).click();
  await page.getByText('Nothing was saved yet.').waitFor();
  await page.getByLabel('To', { exact: true }).selectOption({ label: 'Leo Brandt CMA' });
  await photograph(page, 'inbox-begin');
  await page.getByRole('button', { name: 'Save and give it' }).click();
  await page.getByText('The task is in the inbox of whom you gave it to.').waitFor();
  await context.close();

  const looking = await here.browser.profile();
  const look = await pageOf(looking);
  await signIn(look, here.clinic, 'nora.lind');
  await look.goto('/patients?for=task');
  await findsNothing(look, 'about-whom');
  await look.goto(`/patients/${patient.patient.split('/')[1]}/tasks/new`);
  await findsNothing(look, 'inbox-begin');
  await look.getByRole('button', { name: 'Save and give it' }).click();
  await look.getByText('Nothing was saved yet.').waitFor();
  await findsNothing(look, 'inbox-begin-refused');
  await looking.close();

  const other = await here.browser.profile();
  const assistant = await pageOf(other);
  await signIn(assistant, here.clinic, 'leo.brandt');
  await assistant.getByRole('link', { name: 'Inbox', exact: true }).click();
  const item = assistant.locator('.item', { hasText: 'Call about the knee' });
  await item.waitFor();
  await photograph(assistant, 'inbox-assistant');
  await findsNothing(assistant, 'inbox-assistant');
  await item.getByRole('button', { name: /^Done/ }).click();
  await assistant.getByText('Done. Nothing was sent to anybody.').waitFor();
  assert.equal(await assistant.locator('.item', { hasText: 'Call about the knee' }).count(), 0);
  assert.deepEqual(assistant.complaints, []);
  await other.close();
});
