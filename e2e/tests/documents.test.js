// Documents: a scan is filed, looked at in a sandbox where nothing of it runs, and signed; without scripts and on a phone too.

import assert from 'node:assert/strict';
import test from 'node:test';

import { findsNothing } from '../support/axe.js';
import { NARROW, pageOf, photograph } from '../support/browser.js';
import { openChart } from '../support/chart.js';
import { house } from '../support/house.js';
import { signIn } from '../support/people.js';
import { fits } from '../support/screen.js';
import { until } from '../support/wait.js';

const here = house();
const PATIENT = 'WS-100001';
/** A picture of the frame without Chromium's viewer in it is smaller. */
const EMPTY_BYTES_MAX = 8_000;
const pdf = (more) => Buffer.from(
  `%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R${more}>>endobj\n` +
    '2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n' +
    '3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 500 300]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>endobj\n' +
    '4 0 obj<</Length 60>>stream\nBT /F1 24 Tf 40 200 Td (Heart clinic: stress test normal) Tj ET\nendstream endobj\n' +
    '5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\ntrailer<</Root 1 0 R>>\n',
);

async function toDocuments(page) {
  await openChart(page, PATIENT);
  await page.getByRole('link', { name: /^All documents/ }).click();
  await page.waitForURL(/\/documents$/);
}

async function file(page, name, mimeType, buffer, kind, title) {
  await page.getByLabel('File', { exact: true }).setInputFiles({ name, mimeType, buffer });
  await page.getByLabel('Kind').selectOption({ label: kind });
  await page.getByLabel('Title (optional)').fill(title);
  await page.getByRole('button', { name: 'File it' }).click();
}

test('a scan is filed, looked at in a sandbox and signed', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  let dialogs = 0;
  page.on('dialog', (dialog) => { dialogs += 1; dialog.dismiss(); });
  await signIn(page, here.clinic, 'physician');
  await toDocuments(page);
  await photograph(page, 'documents');
  await findsNothing(page, 'documents');
  await file(page, 'scan.pdf', 'application/pdf', Buffer.from('MZ no scan\0'), 'Consult note', 'Heart clinic');
  await page.getByText('Nothing was filed yet').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'wrong', 'the summary has the focus');
  assert.equal(await page.getByLabel('Title (optional)').inputValue(), 'Heart clinic');
  await photograph(page, 'documents-refused');
  await findsNothing(page, 'documents-refused');
  await file(page, 'scan.pdf', 'application/pdf', pdf(''), 'Consult note', 'Heart clinic');
  await page.waitForURL(/done=filed$/);
  await until('the viewer stands in its frame', async () => (await page.locator('iframe.preview').screenshot()).length > EMPTY_BYTES_MAX);
  await photograph(page, 'document');
  await findsNothing(page, 'document');
  // Until it is signed it is in a list, whose number is on Today; by keys, too.
  await page.goto('/today');
  await page.getByRole('link', { name: /filed document.* that nobody signed/ }).click();
  await page.waitForURL(/\/documents\?show=all$/);
  await page.getByRole('link', { name: /^Look and sign ?, Heart clinic/ }).waitFor();
  await photograph(page, 'documents-unsigned');
  await findsNothing(page, 'documents-unsigned');
  await fits(page, 'documents-unsigned');
  const mine = page.locator('.item', { hasText: 'Heart clinic' });
  while (!(await mine.evaluate((item) => item === document.activeElement))) await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Sign the document' }).click();
  await page.getByText('Signed.', { exact: true }).waitFor();
  assert.match(await page.getByLabel('What belongs to the document').innerText(), /signed by Asha Rao/);
  assert.match(await page.getByLabel('What belongs to the document').innerText(), /by Asha Rao/);
  await page.goto('/documents?show=all');
  assert.equal(await page.getByText('Heart clinic').count(), 0, 'signed, it is in no list');
  await page.goBack();
  // One with a script of its own, which Chromium's viewer would run: it gets no frame.
  await page.getByRole('link', { name: 'Documents', exact: true }).click();
  await file(page, 'scan.pdf', 'application/pdf', pdf('/OpenAction<</S/JavaScript/JS(app.alert(1))>>'), 'Letter', 'With a script');
  await page.getByText('This PDF is not shown here.').waitFor();
  await photograph(page, 'document-active');
  await findsNothing(page, 'document-active');
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Save a copy' }).click()]);
  assert.equal(download.suggestedFilename(), 'document.pdf', 'its name tells nothing');
  await page.goto('about:blank');
  assert.equal(dialogs, 0, 'nothing in it ran');
  await page.goBack();
  assert.ok(!page.url().includes('Heart') && (await page.title()).startsWith('Document '));
  assert.deepEqual(page.complaints, []);
  await context.close();
});

test('markup that calls itself a page is a text, without scripts and on a phone', async () => {
  const context = await here.browser.profile({ javaScriptEnabled: false, viewport: NARROW });
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'physician');
  await toDocuments(page);
  const markup = Buffer.from('<html><body><script>top.document.title = "caught"</script><h1>Hello</h1></body></html>');
  await file(page, 'page.html', 'text/html', markup, 'Letter', 'From the patient');
  await page.waitForURL(/done=filed$/);
  assert.equal(await page.locator('iframe').getAttribute('sandbox'), '');
  const shown = page.frameLocator('iframe').locator('body');
  assert.match(await shown.innerText(), /<script>top\.document/);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'no wider than the phone');
  // By keyboard: a click right after a scroll may still be that of the frame, which is a process of its own.
  await page.locator('summary', { hasText: 'Entered in error' }).press('Enter');
  await page.getByLabel('What is wrong with it').fill('It is of another patient');
  await page.getByRole('button', { name: 'Mark as entered in error' }).click();
  await page.getByText('The document is marked as entered in error.').waitFor();
  await context.close();
});
