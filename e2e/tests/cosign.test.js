// A physician asks a colleague to sign a note, too: the colleague finds it in the inbox, reads it and co-signs it.

import assert from 'node:assert/strict';
import test from 'node:test';

import { findsNothing } from '../support/axe.js';
import { pageOf, photograph } from '../support/browser.js';
import { house } from '../support/house.js';
import { signIn } from '../support/people.js';

const here = house();

const WORDS = 'Seen together on the ward round.';

test('a note is co-signed by who was asked, from the inbox', async () => {
  const patient = here.clinic.user('patient').patient.split('/')[1];
  const context = await here.browser.profile();
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'asha.rao');
  await page.goto(`/patients/${patient}/notes/new`);
  await page.getByLabel('Subjective', { exact: true }).fill(WORDS);
  await page.getByRole('button', { name: 'Preview and sign' }).click();
  const asked = page.getByLabel('Ask to co-sign');
  await asked.waitFor();
  const names = (await asked.locator('option').allInnerTexts()).join(', ');
  assert.match(names, /Daniel Osei/);
  assert.doesNotMatch(names, /Lind|Brandt|Adler|Rao/, 'only who may read the note and has a licence, and not oneself');
  await findsNothing(page, 'note-preview-cosign');
  await asked.selectOption({ label: 'Daniel Osei MD' });
  await page.getByRole('button', { name: 'Sign the note' }).click();
  await page.getByText('Waits to be co-signed by').waitFor();
  const note = new URL(page.url()).pathname;
  await context.close();

  const other = await here.browser.profile();
  const colleague = await pageOf(other);
  await signIn(colleague, here.clinic, 'daniel.osei');
  await colleague.goto('/inbox?show=mine');
  const item = colleague.locator('.item', { hasText: 'Note to co-sign' }).filter({ has: colleague.locator(`a[href="${note}"]`) });
  await item.getByRole('link', { name: /^(Give on|decline)/i }).click();
  await colleague.getByRole('button', { name: 'Decline' }).waitFor();
  assert.equal(await colleague.getByLabel('To', { exact: true }).locator('option', { hasText: 'Rao' }).count(), 0, 'not to its author');
  await photograph(colleague, 'inbox-cosign');
  await findsNothing(colleague, 'inbox-cosign');
  await colleague.getByRole('link', { name: 'Read and co-sign…' }).click();
  await colleague.getByText(WORDS).waitFor();
  await findsNothing(colleague, 'note-to-cosign');
  await colleague.getByRole('button', { name: 'Co-sign the note' }).click();
  await colleague.getByText(/^Co-signed by/).waitFor();
  await colleague.goto('/inbox?show=mine');
  assert.equal(await colleague.locator(`a[href="${note}"]`).count(), 0, 'it waits no more');
  assert.deepEqual(colleague.complaints, []);
  await other.close();
});
