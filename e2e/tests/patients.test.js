// Patients: the front desk finds by a name that was heard, registers with a warning, edits beside a colleague, keeps a photo.

import assert from 'node:assert/strict';
import test from 'node:test';

import { findsNothing } from '../support/axe.js';
import { pageOf, photograph } from '../support/browser.js';
import { house } from '../support/house.js';
import { signIn } from '../support/people.js';

const here = house({ patients: 4 });

async function type(page, values) {
  for (const [name, value] of Object.entries(values)) {
    const field = page.locator(`[name="${name}"]`).first();
    if ((await field.evaluate((it) => it.tagName)) === 'SELECT') await field.selectOption(value);
    else await field.fill(value);
  }
}

/** Makes a photograph as a phone would: large, and told of where it was taken. */
async function picture(page, width, height) {
  const data = await page.evaluate(async ([width, height]) => {
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    const draw = canvas.getContext('2d');
    draw.fillStyle = '#9db8c9';
    draw.fillRect(0, 0, width, height);
    draw.fillStyle = '#d9b08c';
    draw.beginPath();
    draw.ellipse(width / 2, height * 0.45, width * 0.22, height * 0.26, 0, 0, 7);
    draw.fill();
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', 0.9));
    return Array.from(new Uint8Array(await blob.arrayBuffer()));
  }, [width, height]);
  const jpeg = Buffer.from(data);
  const told = Buffer.from('Exif\0\0MM\0*\0\0\0\b\0\0GPS 42.65 N');
  const segment = Buffer.concat([Buffer.from([0xff, 0xe1, 0, told.length + 2]), told]);
  return Buffer.concat([jpeg.subarray(0, 2), segment, jpeg.subarray(2)]);
}

test('a patient is registered by keyboard, with everything asked once', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'front_desk');
  await page.goto('/patients');
  await page.getByLabel('Name', { exact: true }).fill('Okafor, Maximilian');
  await page.getByLabel('Born, or record number').fill('3-Feb-1990');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'No patient found' }).waitFor();
  await photograph(page, 'patients-none');
  await findsNothing(page, 'patients-none');
  await page.getByRole('button', { name: 'Register this patient' }).click();
  assert.equal(await page.getByLabel('Family name').first().inputValue(), 'Okafor');
  assert.equal(await page.getByLabel('Birth date').inputValue(), '3-Feb-1990');
  await findsNothing(page, 'register');
  await page.getByLabel('E-mail').fill('max');
  await page.keyboard.press('Enter');
  await page.getByText('Nothing was saved yet. What you typed is still here.').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'wrong', 'the summary has the focus');
  await photograph(page, 'register-refused');
  await findsNothing(page, 'register-refused');
  await type(page, {
    gender: 'male', email: 'max@example.org', mobile: '518-555-0144', line: '12 River Road', city: 'Albany', state: 'NY',
    zip: '12207', language: 'es', payer: 'Evergreen Mutual', member: 'W44-1', 'call-given': 'Tom', 'call-phone': '518-555-0101',
  });
  await page.getByLabel('Asian').check();
  await page.getByLabel('White').check();
  await page.getByLabel('Needs an interpreter').check();
  await photograph(page, 'register');
  await page.getByRole('button', { name: 'Register', exact: true }).click();
  await page.waitForURL(/\/patients\/[A-Za-z0-9.-]+\?registered$/);
  await page.getByText('Registered.').waitFor();
  assert.match(await page.locator('.facts').innerText(), /WS-\d{8}/);
  await photograph(page, 'registered');
  await findsNothing(page, 'registered');

  // The photo, made small and bare on the way.
  await page.getByRole('link', { name: 'Photo' }).click();
  const shot = await picture(page, 1800, 2400);
  await page.locator('#photo').setInputFiles({ name: 'IMG_1.jpg', mimeType: 'image/jpeg', buffer: shot });
  await page.getByText('Made ready').waitFor();
  await photograph(page, 'photo');
  await findsNothing(page, 'photo');
  await page.getByRole('button', { name: 'Keep this picture' }).click();
  await page.getByText('Saved.').waitFor();
  const shown = page.locator('.banner img');
  assert.ok(await shown.evaluate((it) => it.complete && it.naturalWidth === 320), 'the photo is in the banner');
  await photograph(page, 'chart-photo');
  await findsNothing(page, 'chart-photo');
  const kept = await shown.evaluate(async (it) => new TextDecoder('latin1').decode(await (await fetch(it.src)).arrayBuffer()));
  assert.ok(kept.startsWith('ÿØÿ') && !kept.includes('GPS'), 'nothing that the camera told is kept');

  // Insurance.
  await page.getByRole('link', { name: 'Insurance' }).click();
  await page.getByText('Evergreen Mutual').first().waitFor();
  await type(page, { payer: 'Blue Lake', member: 'B-7', since: '1-Jan-2027' });
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByText('Blue Lake').first().waitFor();
  await photograph(page, 'insurance');
  await findsNothing(page, 'insurance');
  assert.deepEqual(page.complaints, []);
  await context.close();
});

test('without scripts: who may be the same is shown side by side, and two who edit at once both see it', async () => {
  const context = await here.browser.profile({ javaScriptEnabled: false });
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'front_desk');
  await page.goto('/patients');
  await page.getByLabel('Born, or record number').fill('WS-100001');
  await page.getByRole('button', { name: 'Find' }).click();
  await page.locator('tbody th a').first().click();
  const chart = page.url();
  await page.getByRole('link', { name: 'Edit who this is' }).click();
  const held = {};
  for (const name of ['family', 'given', 'birth', 'gender']) held[name] = await page.locator(`[name="${name}"]`).inputValue();

  const other = await context.newPage();
  await other.goto(page.url());
  await type(other, { city: 'Troy', email: 'new@example.org' });
  await other.getByRole('button', { name: 'Save', exact: true }).click();
  await other.getByText('Saved.').waitFor();
  await type(page, { city: 'Albany', work: '518-555-0199' });
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText('Somebody else saved this patient').waitFor();
  await page.locator('#city').getByText('Albany').click();
  await page.getByRole('button', { name: 'Save what is chosen' }).click();
  await page.getByText('Saved.').waitFor();
  await page.goto(`${chart}/edit`);
  assert.equal(await page.locator('[name="city"]').inputValue(), 'Albany');
  assert.equal(await page.locator('[name="email"]').inputValue(), 'new@example.org');

  await page.goto('/patients/new');
  await type(page, held);
  await page.getByRole('button', { name: 'Register', exact: true }).click();
  await page.getByRole('heading', { name: 'Is this the same person?' }).waitFor();
  await page.getByText('likely the same').first().waitFor();
  await page.getByRole('button', { name: 'Change what was typed' }).click();
  assert.equal(await page.locator('[name="family"]').inputValue(), held.family);
  await page.getByRole('button', { name: 'Register', exact: true }).click();
  await page.getByRole('checkbox').check();
  await page.getByRole('button', { name: 'Register another person' }).click();
  await page.waitForURL(/\?registered$/);
  await context.close();
});

test('the warning and the choice look right', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'front_desk');
  await page.goto('/patients');
  await page.getByLabel('Born, or record number').fill('WS-100002');
  await page.keyboard.press('Enter');
  await page.locator('tbody th a').first().click();
  await page.getByRole('link', { name: 'Edit who this is' }).click();
  await photograph(page, 'patient-edit');
  const held = {};
  for (const name of ['family', 'given', 'birth', 'gender']) held[name] = await page.locator(`[name="${name}"]`).inputValue();
  const other = await context.newPage();
  await other.goto(page.url());
  await type(other, { city: 'Troy', preferred: 'Bee' });
  await other.getByRole('button', { name: 'Save', exact: true }).click();
  await other.getByText('Saved.').waitFor();
  await type(page, { city: 'Albany', work: '518-555-0199' });
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText('Somebody else saved this patient').waitFor();
  await photograph(page, 'patient-choose');
  await findsNothing(page, 'patient-choose');
  await page.goto('/patients/new');
  await type(page, held);
  await page.getByRole('button', { name: 'Register', exact: true }).click();
  await page.getByRole('heading', { name: 'Is this the same person?' }).waitFor();
  await photograph(page, 'patient-doubles');
  await page.setViewportSize({ width: 390, height: 844 });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= 390, `the page is ${wide} wide on a phone`);
  await findsNothing(page, 'patient-doubles');
  assert.deepEqual(page.complaints, []);
  await context.close();
});

test('a physician merges two records of one patient and takes them apart again', async () => {
  // The front desk registers somebody who is there already, and says that it is another person.
  const desk = await here.browser.profile();
  const registering = await pageOf(desk);
  await signIn(registering, here.clinic, 'front_desk');
  await registering.goto('/patients');
  await registering.getByLabel('Born, or record number').fill('WS-100003');
  await registering.keyboard.press('Enter');
  await registering.locator('tbody th a').first().click();
  const first = new URL(registering.url()).pathname;
  await registering.getByRole('link', { name: 'Edit who this is' }).click();
  const held = {};
  for (const name of ['family', 'given', 'birth', 'gender']) {
    held[name] = await registering.locator(`[name="${name}"]`).inputValue();
  }
  await registering.goto('/patients/new');
  await type(registering, { ...held, given: held.given.slice(0, -1) });
  await registering.getByRole('button', { name: 'Register', exact: true }).click();
  await registering.getByRole('checkbox').check();
  await registering.getByRole('button', { name: 'Register another person' }).click();
  await registering.waitForURL(/\?registered$/);
  const second = new URL(registering.url()).pathname;
  await desk.close();

  const context = await here.browser.profile();
  const page = await pageOf(context);
  const user = await signIn(page, here.clinic, process.env.WARDSTONE_MERGER ?? 'physician');
  await page.goto(`${first}`);
  await page.getByRole('link', { name: 'Merge records' }).click();
  const confirm = page.getByRole('link', { name: 'Confirm that it is you' });
  if (await confirm.count()) {
    await photograph(page, 'merge-confirm');
    await confirm.click();
    await page.getByLabel('Code of your authenticator app').fill(await here.clinic.authenticator(user).code());
    await page.getByRole('button', { name: 'Confirm', exact: true }).click();
    await page.waitForURL(/\/merge$/);
  }
  await photograph(page, 'merge');
  await findsNothing(page, 'merge');
  await page.getByRole('radio').first().check();
  await page.getByRole('button', { name: 'Lay them side by side' }).click();
  await page.getByRole('heading', { name: 'Are these of the same patient?' }).waitFor();
  await page.getByLabel('How you know that it is the same patient').fill('passport and phone number agree');
  await photograph(page, 'merge-pair');
  await findsNothing(page, 'merge-pair');
  await page.getByRole('button', { name: 'Merge the records' }).click();
  await page.getByText('Both records are shown here as one.').waitFor();
  await photograph(page, 'merged-chart');
  await findsNothing(page, 'merged-chart');
  await page.goto(second);
  await page.getByRole('heading', { name: 'This record was merged' }).waitFor();
  await photograph(page, 'merged');
  await findsNothing(page, 'merged');
  await page.getByLabel('How you know that they are two people').fill('two sisters with the same name');
  await page.getByRole('button', { name: 'Undo the merge' }).click();
  await page.getByText('The merge was undone.').waitFor();
  const kinds = (await here.clinic.events()).map((event) => event.subtype?.[0]?.code);
  assert.ok(kinds.includes('merge') && kinds.includes('unmerge'), 'both acts are in the log');
  assert.deepEqual(page.complaints, []);
  await context.close();
});

test('going back from a chart shows the list again, and no address says who was looked for', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'asha.rao');
  await page.goto('/today?who=all');
  const name = (await page.locator('tr .c-who > a').first().innerText()).split(',')[0];
  await page.goto('/patients');
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByRole('button', { name: 'Find', exact: true }).click();
  const first = page.getByRole('rowheader').getByRole('link').first();
  await first.click();
  await page.waitForURL(/\/patients\/[A-Za-z0-9.-]+$/);
  await page.goBack();
  await first.waitFor();
  assert.equal(await page.getByLabel('Name', { exact: true }).inputValue(), name);
  assert.match(new URL(page.url()).search, /^\?asked=[0-9a-f]{32}$/);
  await page.reload();
  await first.waitFor();
  assert.deepEqual(page.complaints, []);
  await context.close();
});
