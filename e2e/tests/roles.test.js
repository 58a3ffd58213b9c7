// Those who are not in the room: a pharmacist, billing, a privacy officer, an auditor, an administrator, a patient. What their day here is,
// and that there is no way to what is not theirs.

import assert from 'node:assert/strict';
import test from 'node:test';

import { findsNothing } from '../support/axe.js';
import { pageOf, photograph } from '../support/browser.js';
import { house } from '../support/house.js';
import { signIn, signOut } from '../support/people.js';

const here = house({ patients: 6 });

/** A patient of the physician's day, as `FAMILY, Given` and the address of the chart. */
async function somebody() {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'asha.rao');
  await page.goto('/today');
  const link = page.locator('#list a[href^="/patients/"]').first();
  const found = { chart: await link.getAttribute('href'), name: await link.innerText() };
  await context.close();
  return found;
}

async function at(role) {
  const user = here.clinic.users.find((one) => one.role === role);
  const context = await here.browser.profile();
  const page = await pageOf(context);
  await signIn(page, here.clinic, user.username);
  return { context, page, user };
}

/** By name, as somebody at a telephone does it. */
async function find(page, name) {
  await page.goto('/patients');
  await page.getByLabel(/^Name/).fill(name.split(',')[0]);
  await page.getByRole('button', { name: 'Find', exact: true }).click();
  await page.locator('tbody a').filter({ hasText: name.split(', ')[1] }).first().click();
  await page.waitForURL(/\/patients\/[A-Za-z0-9.-]+$/);
}

const panels = (page) => page.locator('main h2').allInnerTexts();

/** Each of these answers as for somebody who has no such page. */
async function areClosed(page, paths) {
  for (const path of paths) {
    const answer = await page.goto(path);
    assert.ok([403, 404].includes(answer.status()), `${path} answered ${answer.status()}`);
    assert.equal(await page.getByRole('heading', { level: 1 }).innerText(), 'This did not work', path);
  }
}

test('a pharmacist looks through the medicines of a patient, and at what was signed over', async () => {
  const { chart, name } = await somebody();
  const { context, page } = await at('pharmacist');
  await find(page, name);
  for (const panel of ['Medicines', 'Allergies', 'Results']) assert.ok((await panels(page)).includes(panel), panel);
  for (const panel of ['Last plans', 'Visits']) assert.ok(!(await panels(page)).includes(panel), panel);
  await findsNothing(page, 'the chart of a pharmacist');
  await photograph(page, 'pharmacist-chart');
  await page.goto(`${chart}/medicines`);
  await page.getByRole('heading', { level: 1 }).waitFor();
  assert.equal(await page.getByRole('link', { name: /Prescribe/ }).count(), 0);
  await page.goto('/overrides');
  await page.getByRole('heading', { level: 1, name: /signed over/ }).waitFor();
  await findsNothing(page, 'overrides of a pharmacist');
  await areClosed(page, ['/today', '/inbox', `${chart}/prescriptions/new`, `${chart}/access`]);
  assert.deepEqual(page.complaints, []);
  await context.close();
});

test('billing writes down what the card says, and learns nothing of why the patient came', async () => {
  const { chart, name } = await somebody();
  const { context, page } = await at('billing');
  await find(page, name);
  assert.deepEqual((await panels(page)).filter((panel) => ['Problems', 'Medicines', 'Results', 'Last plans'].includes(panel)), []);
  await page.getByRole('link', { name: 'Insurance' }).first().click();
  await page.getByLabel(/^Insurance company/).fill('Blue Heron Mutual');
  await page.getByLabel(/^Member number/).fill('BH-4471');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('row', { name: /Blue Heron Mutual/ }).waitFor();
  await findsNothing(page, 'insurance, kept by billing');
  await photograph(page, 'billing-insurance');
  await areClosed(page, ['/today', '/results', `${chart}/problems`, `${chart}/merge`]);
  assert.deepEqual(page.complaints, []);
  await context.close();
});

test('a privacy officer finds who a patient is and opens no chart', async () => {
  const { chart, name } = await somebody();
  const { context, page } = await at('privacy_officer');
  await page.goto('/patients');
  await page.getByLabel(/^Name/).fill(name.split(',')[0]);
  await page.getByRole('button', { name: 'Find', exact: true }).click();
  await page.locator('tbody a').filter({ hasText: name.split(', ')[1] }).first().click();
  await page.getByRole('heading', { name: 'This chart is not open to you' }).waitFor();
  await findsNothing(page, 'a chart before a privacy officer');
  await areClosed(page, ['/today', '/inbox', `${chart}/problems`, `${chart}/notes/new`]);
  assert.deepEqual(page.complaints, []);
  await context.close();
});

for (const role of ['auditor', 'admin']) {
  test(`${role === 'admin' ? 'an administrator' : 'an auditor'} keeps the own account here and meets no patient`, async () => {
    const { chart } = await somebody();
    const { context, page, user } = await at(role);
    await page.goto('/');
    assert.equal(new URL(page.url()).pathname, '/me');
    await page.getByText(user.username).first().waitFor();
    assert.equal(await page.locator('a[href^="/patients"]').count(), 0);
    await areClosed(page, ['/today', '/patients', chart, '/inbox', '/orders']);
    await context.close();
  });
}

test('a patient sees where they are signed in, ends what they do not know, reads the guidance and leaves', async () => {
  const { chart } = await somebody();
  const { context, page, user } = await at('patient');
  const other = await here.browser.profile();
  const phone = await pageOf(other);
  await signIn(phone, here.clinic, user.username);
  await page.goto('/me');
  const sessions = page.getByRole('table').filter({ hasText: 'Where you are signed in' });
  assert.equal(await sessions.locator('tbody tr').count(), 2);
  await page.getByRole('button', { name: 'End', exact: true }).click();
  await phone.waitForURL(/\/(signin|lock)/);
  await page.getByRole('link', { name: 'What keeps patients safe here' }).click();
  await page.getByRole('heading', { name: 'Patients, and who stands for them' }).waitFor();
  await areClosed(page, ['/today', '/patients', '/results', '/overrides', `${chart}/notes/new`]);
  await page.goto('/me');
  await signOut(page);
  const back = await page.goto('/me');
  assert.equal(new URL(back.url()).pathname, '/signin');
  await other.close();
  await context.close();
});
