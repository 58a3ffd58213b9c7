// Allergies, medicines, prescriptions, problems, immunizations: a nurse rooms a patient, a physician closes the visit.

import assert from 'node:assert/strict';
import test from 'node:test';

import { findsNothing } from '../support/axe.js';
import { pageOf, photograph } from '../support/browser.js';
import { openChart, tabTo } from '../support/chart.js';
import { house } from '../support/house.js';
import { signIn } from '../support/people.js';

const here = house();
const PATIENT = 'WS-100001';

async function lookAt(page, name) {
  await photograph(page, name);
  await findsNothing(page, name);
  const wide = page.viewportSize();
  await page.setViewportSize({ width: 390, height: 844 });
  await findsNothing(page, `${name} on a phone`);
  const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(over <= 0, `${name} on a phone is ${over} px too wide`);
  await page.setViewportSize(wide);
}

test('a nurse records an allergy and goes through the medicines', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'nora.lind');
  const chart = await openChart(page, PATIENT);
  await tabTo(page, /^Change or add allergies$/);
  await page.keyboard.press('Enter');
  await page.waitForURL(`**${chart}/allergies`);
  await lookAt(page, 'allergies');
  await tabTo(page, /^To what$/);
  await page.keyboard.press('Enter');
  await page.getByText('Nothing was saved yet. What you typed is still here.').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'wrong');
  await lookAt(page, 'allergies-refused');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'substance');
  await page.keyboard.type('penicillin');
  await page.getByLabel('What happened').focus();
  await page.keyboard.type('anaphylaxis');
  await page.getByLabel('How bad it was').selectOption('severe');
  await page.getByLabel('How bad it could be').selectOption('high');
  await page.getByLabel('Certainty').selectOption('confirmed');
  await page.getByRole('button', { name: 'Add to the list' }).click();
  await page.waitForURL('**/allergies?saved');
  await page.locator('.alerts').getByText(/enicillin – anaphylaxis, severe/).waitFor();
  await lookAt(page, 'allergies-saved');

  await page.getByRole('link', { name: 'Medicines', exact: true }).click();
  await page.getByText('Not gone through yet').waitFor();
  await lookAt(page, 'medicines');
  await page.getByRole('button', { name: 'Save: gone through with the patient' }).click();
  await page.getByText('Nothing was saved yet. What you filled in is still here.').waitFor();
  await lookAt(page, 'medicines-refused');
  const groups = page.getByRole('radiogroup');
  const count = await groups.count();
  assert.ok(count > 0, 'the demo has medicines');
  for (let at = 0; at < count; at += 1) await groups.nth(at).getByLabel('Takes it so').check();
  await groups.first().getByLabel('Takes it differently').check();
  await page.locator('#how-0').fill('every other day');
  await page.getByLabel('Medicine', { exact: true }).first().fill('St John’s wort');
  await page.getByLabel('How it is taken', { exact: true }).first().fill('one in the evening');
  await page.getByRole('button', { name: 'Save: gone through with the patient' }).click();
  await page.getByText(/Gone through with the patient on .* by .*Nora Lind/).waitFor();
  await page.getByText('The patient takes it differently: every other day').waitFor();
  await lookAt(page, 'medicines-saved');
  assert.equal(await page.getByRole('rowheader', { name: /St John’s wort/ }).count(), 1);
  assert.deepEqual(page.complaints, []);
  assert.ok(!(await page.title()).match(/[A-Z]{4}/), 'a tab in the background names nobody');
  await context.close();
});

test('a physician prescribes, is stopped once by the allergy, and prints the sheet', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'asha.rao');
  const chart = await openChart(page, PATIENT);
  await page.goto(`${chart}/medicines`);
  await page.getByRole('link', { name: 'Prescribe a medicine' }).click();
  await page.getByLabel('Medicine, with strength and form').fill('amoxicillin 500 mg oral tablet');
  await page.getByLabel('How much at a time').fill('.5');
  await page.getByLabel('Of what').selectOption('tablet');
  await page.getByLabel('How', { exact: true }).selectOption('by mouth');
  await page.getByLabel('How often').selectOption('twice daily');
  await page.getByLabel('For how many days').fill('7');
  await page.getByLabel('How much is given out').fill('14');
  await page.getByRole('button', { name: 'Save the draft and look at it' }).click();
  await page.getByRole('link', { name: /write 0.5, not .5/ }).waitFor();
  await lookAt(page, 'prescription-refused');
  await page.getByLabel('How much at a time').fill('1');
  await page.getByLabel('What it is for').fill('Streptococcal sore throat');
  await page.getByRole('button', { name: 'Save the draft and look at it' }).click();
  await page.getByText('Take 1 tablet by mouth twice daily, for 7 days').waitFor();
  await page.getByText('amoxicillin is one of the penicillins').waitFor();
  await lookAt(page, 'prescription-draft');
  await page.getByRole('button', { name: 'Sign the prescription' }).click();
  await page.getByRole('heading', { name: 'Not signed: this patient is allergic' }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'stop', 'the interruption has the focus');
  await lookAt(page, 'prescription-stopped');
  await page.getByLabel('The patient took it before without trouble').check();
  await page.getByLabel('In a few words').fill('took amoxicillin in 2024');
  await page.getByRole('button', { name: 'Sign all the same' }).click();
  await page.getByText('It was not sent anywhere').waitFor();
  await lookAt(page, 'prescription-signed');
  assert.ok(await page.getByRole('button', { name: 'Print the sheet' }).isVisible());
  await page.emulateMedia({ media: 'print' });
  assert.ok(await page.locator('.rx').isVisible());
  for (const hidden of ['.bar', '.tabs', '.banner', '.tools', '.lists .foot']) {
    assert.ok(!(await page.locator(hidden).first().isVisible()), `${hidden} is not printed`);
  }
  await page.screenshot({ path: new URL('../screenshots/prescription-print.png', import.meta.url).pathname });
  await page.emulateMedia({ media: null });
  await page.goto(`${chart}/medicines`);
  await page.getByRole('link', { name: /Allergy warnings that were signed over/ }).click();
  await page.getByRole('cell', { name: /took amoxicillin in 2024/ }).waitFor();
  await lookAt(page, 'overrides');
  assert.equal(await page.getByRole('button', { name: /^Reviewed/ }).count(), 0, 'nobody reviews their own');
  assert.deepEqual(page.complaints, []);
  await context.close();

  const other = await here.browser.profile();
  const pharmacy = await pageOf(other);
  await signIn(pharmacy, here.clinic, here.clinic.users.find(({ role }) => role === 'pharmacist').username);
  await pharmacy.goto('/overrides');
  const row = pharmacy.getByRole('row').filter({ hasText: 'took amoxicillin in 2024' });
  await row.getByRole('textbox').fill('Spoke with Dr Rao');
  await row.getByRole('button', { name: /^Reviewed/ }).click();
  await pharmacy.getByRole('status').filter({ hasText: 'Marked as reviewed.' }).waitFor();
  await row.getByText('Reviewed: Spoke with Dr Rao').waitFor();
  assert.equal(await row.getByRole('button').count(), 0, 'once');
  await lookAt(pharmacy, 'overrides-reviewed');
  assert.deepEqual(pharmacy.complaints, []);
  await other.close();
});

test('without scripts problems and immunizations are recorded, and going back makes no second one', async () => {
  const context = await here.browser.profile({ javaScriptEnabled: false });
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'nora.lind');
  const chart = await openChart(page, PATIENT);
  await page.goto(`${chart}/problems`);
  await page.getByLabel('Problem', { exact: true }).fill('Chronic low back pain');
  await page.getByLabel('Since').fill('2021');
  await page.getByRole('button', { name: 'Add to the list' }).click();
  await page.waitForURL('**/problems?saved');
  const rows = () => page.getByRole('rowheader', { name: /Chronic low back pain/ }).count();
  assert.equal(await rows(), 1);
  await page.goBack();
  await page.getByLabel('Problem', { exact: true }).fill('Chronic low back pain');
  await page.getByLabel('Since').fill('2021');
  await page.getByRole('button', { name: 'Add to the list' }).click();
  // The page that came back is a new one: what is listed is not listed twice, and what was typed is kept.
  await page.getByRole('link', { name: 'This is on the list already. Change it there.' }).waitFor();
  assert.equal(await page.getByLabel('Problem', { exact: true }).inputValue(), 'Chronic low back pain');
  assert.equal(await rows(), 1);
  await page.getByRole('button', { name: /^Over\s+Chronic low back pain$/ }).click();
  await page.waitForURL('**/problems?saved');
  assert.equal(await rows(), 0);

  await page.goto(`${chart}/immunizations`);
  await page.getByLabel('Vaccine').fill('Tdap');
  await page.getByRole('button', { name: 'Record it' }).click();
  await page.getByRole('link', { name: 'Type the lot: it stands on the vial.' }).waitFor();
  await page.getByLabel('Lot').fill('K7741');
  await page.getByLabel('Made by').fill('Sanofi Pasteur');
  await page.getByLabel('Where it was given').selectOption('LA');
  await page.getByLabel('How', { exact: true }).selectOption('Into the muscle');
  await page.getByRole('button', { name: 'Record it' }).click();
  await page.getByText('lot K7741').waitFor();
  await context.close();
});

test('problems and immunizations are read in both colour schemes and on a phone', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'asha.rao');
  const chart = await openChart(page, PATIENT);
  for (const list of ['problems', 'immunizations', 'messages']) {
    await page.goto(`${chart}/${list}`);
    await page.getByRole('heading', { level: 2 }).first().waitFor();
    await lookAt(page, list);
  }
  await page.goto(`${await openChart(page, 'WS-100002')}/messages`);
  await page.getByText('I have been short of breath on the stairs').waitFor();
  await lookAt(page, 'messages-written');
  await page.goto(chart);
  await findsNothing(page, 'chart with its links');
  assert.deepEqual(page.complaints, []);
  await context.close();
});

test('a nurse goes through allergies, problems and immunizations with the patient', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'nora.lind');
  const chart = await openChart(page, PATIENT);
  for (const [list, named, detail, pick] of [
    ['allergies', 'Shellfish', 'hives', 'moderate'],
    ['problems', 'Chronic low back pain', '2021', null],
    ['immunizations', 'Tdap', 'May 2019', 'record'],
  ]) {
    await page.goto(`${chart}/${list}`);
    await page.getByText('Not gone through with the patient yet').waitFor();
    await page.getByRole('link', { name: 'Go through them with the patient' }).click();
    await page.waitForURL(`**/gone-through/${list}`);
    await lookAt(page, `gone-through-${list}`);
    await page.getByRole('button', { name: 'Save: gone through with the patient' }).click();
    await page.getByText('Nothing was saved yet. What you filled in is still here.').waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.id), 'wrong');
    await lookAt(page, `gone-through-${list}-refused`);
    const lines = page.getByRole('radiogroup');
    const count = await lines.count();
    if (count > 1) {
      await lines.first().getByLabel('Entered by mistake').check();
      await page.locator('#how-0').fill('of another patient');
    }
    await page.locator('#new-0').fill(named);
    await page.locator('#detail-0').fill(detail);
    if (pick) await page.locator('#pick-0').selectOption(pick);
    if (count > 0) {
      await page.getByRole('button', { name: 'The rest is as the chart says' }).click();
      await page.waitForFunction((lines) => document.querySelectorAll('[type=radio]:checked').length === lines, count);
      assert.equal(await page.locator('#new-0').inputValue(), named, 'what was typed is kept');
    }
    await page.getByRole('button', { name: 'Save: gone through with the patient' }).click();
    await page.waitForURL(`**/${list}?gone-through`);
    await page.getByText(/Gone through with the patient on .* by .*Nora Lind/).waitFor();
    await page.getByRole('rowheader', { name: new RegExp(named, 'i') }).first().waitFor();
    await lookAt(page, `gone-through-${list}-saved`);
  }
  assert.deepEqual(page.complaints, []);
  await context.close();
});
