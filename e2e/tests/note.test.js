// Nothing typed is lost: a tab that crashes, a server that dies, a session that ends, minutes offline, a second tab; and somebody
// else at the same workstation sees nothing of it.

import assert from 'node:assert/strict';
import test from 'node:test';

import { findsNothing } from '../support/axe.js';
import { pageOf, photograph } from '../support/browser.js';
import { house } from '../support/house.js';
import { signIn, signInAtMe, signOut } from '../support/people.js';

const here = house();

/** Shorter than the pause after which a page saves by itself. */
const BEFORE_SAVING_MS = 600;
const SAVED_MS_MAX = 20_000;

/** The patient who has an account. */
function patient() {
  const user = here.clinic.user('patient');
  return { ...user, id: user.patient.split('/')[1] };
}

const chart = () => `/patients/${patient().id}`;
const part = (page, name) => page.getByLabel(name, { exact: true });
const saved = (page) => page.locator('#saved', { hasText: /^Saved \d\d:\d\d/ }).waitFor({ timeout: SAVED_MS_MAX });

/** A new note with a sentence that the server has. */
async function begin(page, words) {
  await page.goto(`${chart()}/notes/new`);
  await part(page, 'Subjective').fill(words);
  await part(page, 'Objective').focus();
  await saved(page);
  return new URL(page.url()).pathname;
}

async function type(page, words) {
  const field = part(page, 'Subjective');
  await field.focus();
  await page.keyboard.press('Control+End');
  await page.keyboard.type(words);
}

const said = (page) => part(page, 'Subjective').inputValue();

/** What the browser keeps of notes, as text. */
async function onDevice(page) {
  return page.evaluate(async () => {
    const names = (await indexedDB.databases()).map(({ name }) => name);
    if (!names.includes('wardstone-notes')) return [];
    const open = await new Promise((done) => { const asking = indexedDB.open('wardstone-notes'); asking.onsuccess = () => done(asking.result); });
    const store = open.transaction('unsent').objectStore('unsent');
    const all = await new Promise((done) => { const asking = store.getAll(); asking.onsuccess = () => done(asking.result); });
    open.close();
    return all.map(({ sealed }) => String.fromCharCode(...new Uint8Array(sealed)));
  });
}

async function crash(page) {
  const crashed = page.waitForEvent('crash');
  page.goto('chrome://crash').catch(() => {});
  await crashed;
}

test('a note is typed, expanded, previewed, signed, read by its patient and added to', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'asha.rao');
  await page.goto(chart());
  await page.getByRole('link', { name: 'Write a note' }).click();
  await page.getByRole('heading', { name: 'Visit note' }).waitFor();
  await findsNothing(page, 'an empty note');
  await photograph(page, 'note-new');
  await page.getByLabel('Template').selectOption('visit');
  await page.getByRole('button', { name: 'Fill the empty parts' }).click();
  await saved(page);
  assert.match(await part(page, 'Objective').inputValue(), /^\[chart \d\d-\w{3}-\d{4}: /);
  // A phrase is expanded while one types, and typing goes on.
  await part(page, 'Assessment').fill('');
  await part(page, 'Assessment').pressSequentially('Takes .meds and feels well.');
  await page.waitForFunction(() => /Takes \[chart .*\] and feels well\.$/s.test(document.getElementById('assessment').value));
  await photograph(page, 'note-writing');
  await findsNothing(page, 'a note');
  await page.getByRole('button', { name: 'Preview and sign' }).click();
  await page.getByText('Still to be filled in').waitFor();
  await photograph(page, 'note-open');
  assert.equal(await page.getByRole('button', { name: 'Sign the note' }).count(), 0);
  await page.getByRole('link', { name: 'Back to writing' }).click();
  await part(page, 'Subjective').fill('Coughs since Monday, no fever.');
  await part(page, 'Objective').fill('Lungs clear. .bp ');
  await part(page, 'Plan').fill('Fluids and rest. Return in a week if it goes on.');
  await part(page, 'Instructions for the patient').fill('Drink plenty, and call us if you get a fever.');
  await page.getByRole('button', { name: 'Preview and sign' }).click();
  await page.getByRole('heading', { name: 'What the patient will read' }).waitFor();
  await findsNothing(page, 'the preview');
  await photograph(page, 'note-preview');
  const twice = page.locator('.twice');
  assert.match(await twice.innerText(), /, .*\s+born \d\d-\w{3}-\d{4}/s);
  const draft = new URL(page.url()).pathname.split('/').at(-2);
  const document = `/fhir/DocumentReference/${draft}`;
  const read = () => here.clinic.ask('GET', document, { headers: { authorization: `Bearer ${patient().token}` } });
  assert.equal((await read()).status, 404, 'a draft is no document');
  await page.getByRole('button', { name: 'Sign the note' }).dblclick();
  await page.getByRole('link', { name: 'Add an addendum' }).waitFor();
  await findsNothing(page, 'a signed note');
  await photograph(page, 'note-signed');
  const { status, body } = await read();
  assert.equal(status, 200);
  const text = Buffer.from(JSON.parse(body).content[0].attachment.data, 'base64').toString();
  assert.match(text, /^Subjective: Coughs since Monday, no fever\.\n\nObjective: Lungs clear\. \[chart .*: BP /);

  // An addendum, kept from the patient for a reason.
  await page.getByRole('link', { name: 'Add an addendum' }).click();
  await part(page, 'Subjective').fill('A neighbour tells of smoking.');
  await page.getByText('What the patient sees of it').click();
  await page.getByLabel('Keep it from the patient').selectOption('privacy');
  await page.getByLabel('The reason, in a sentence').fill('A neighbour told it in confidence.');
  await photograph(page, 'note-keep');
  await page.getByRole('button', { name: 'Preview and sign' }).click();
  await page.getByText('The patient will not see this note').waitFor();
  await findsNothing(page, 'a note kept from the patient');
  const hidden = new URL(page.url()).pathname.split('/').at(-2);
  await page.getByRole('button', { name: 'Sign the note' }).click();
  await page.getByText('Kept from the patient').waitFor();
  const withheld = await here.clinic.ask('GET', `/fhir/DocumentReference/${hidden}`, { headers: { authorization: `Bearer ${patient().token}` } });
  assert.equal(withheld.status, 404);
  assert.deepEqual(page.complaints, []);
  await context.close();
});

test('leaving at once waits until the note is saved', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'daniel.osei');
  const place = await begin(page, 'first');
  await type(page, ' and the last word');
  await page.getByRole('link', { name: 'Patients' }).click();
  await page.waitForURL('**/patients');
  await page.goto(place);
  assert.equal(await said(page), 'first and the last word');
  assert.deepEqual(await onDevice(page), [], 'nothing is kept of what is saved');
  // By the browser's own way out nothing is asked of the person when all is saved, and what is typed is sent as the page goes.
  await type(page, ', closed');
  await page.close({ runBeforeUnload: false });
  const next = await pageOf(context);
  await next.goto(place);
  assert.equal(await said(next), 'first and the last word, closed');
  await context.close();
});

test('a tab that crashes before anything was saved loses nothing', async () => {
  const context = await here.browser.profile();
  let page = await pageOf(context);
  await signIn(page, here.clinic, 'nora.lind');
  const place = await begin(page, 'first');
  await type(page, ' and unsent');
  await page.waitForTimeout(BEFORE_SAVING_MS);
  await crash(page);
  page = await pageOf(context);
  await page.goto(place);
  await saved(page);
  assert.equal(await said(page), 'first and unsent');

  await page.goto(`${chart()}/notes/new`);
  await part(page, 'Subjective').focus();
  await page.keyboard.type('never sent');
  await page.waitForTimeout(BEFORE_SAVING_MS);
  const kept = await onDevice(page);
  assert.equal(kept.length, 1);
  assert.ok(!kept[0].includes('never sent'), 'and lies sealed meanwhile');
  await crash(page);
  page = await pageOf(context);
  await page.goto(`${chart()}/notes/new`);
  await page.getByRole('link', { name: 'A note that this browser had not sent: go on with it' }).click();
  await page.waitForFunction(() => document.getElementById('subjective')?.value === 'never sent');
  assert.deepEqual(await onDevice(page), []);
  await context.close();
});

test('minutes offline are caught up, and the person is told meanwhile', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'daniel.osei');
  const place = await begin(page, 'first');
  await context.setOffline(true);
  await type(page, ' and offline');
  await page.getByText('The server cannot be reached').waitFor();
  await photograph(page, 'note-offline');
  // A link does not lead away from what is not saved.
  await page.getByRole('link', { name: 'Patients' }).click();
  assert.equal(new URL(page.url()).pathname, place);
  await context.setOffline(false);
  await saved(page);
  assert.ok(await page.locator('#trouble').isHidden());
  await page.reload();
  assert.equal(await said(page), 'first and offline');
  await context.close();
});

test('a server that dies and comes back finds the note as it was typed', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'nora.lind');
  const place = await begin(page, 'first');
  await here.clinic.kill();
  await type(page, ' while it was away');
  await page.getByText('The server cannot be reached').waitFor();
  await here.clinic.startAgain();
  await saved(page);
  await page.goto(place);
  assert.equal(await said(page), 'first while it was away');
  await context.close();
});

test('a session that ends is signed in again at the same place, with the text', async () => {
  const [context, elsewhere] = [await here.browser.profile(), await here.browser.profile()];
  const [page, other] = [await pageOf(context), await pageOf(elsewhere)];
  await signIn(page, here.clinic, 'asha.rao');
  const place = await begin(page, 'first');
  await signInAtMe(other, here.clinic, 'asha.rao');
  await type(page, ' and the end');
  await other.getByRole('button', { name: 'End all others' }).click();
  await page.waitForURL('**/signin');
  await signIn(page, here.clinic, 'asha.rao', `**${place}`);
  assert.equal(await said(page), 'first and the end');
  await context.close();
  await elsewhere.close();
});

test('a second tab is told of the other text, and both are there', async () => {
  const context = await here.browser.profile();
  const [one, two] = [await pageOf(context), await pageOf(context)];
  await signIn(one, here.clinic, 'daniel.osei');
  const place = await begin(one, 'first');
  await two.goto(place);
  await type(one, ', from one');
  await saved(one);
  await one.waitForFunction(() => /^Saved/.test(document.getElementById('saved').textContent));
  await part(one, 'Objective').focus();
  await saved(one);
  await type(two, ', from two');
  await two.getByRole('heading', { name: 'Two texts of this note' }).waitFor();
  await two.getByText('first, from one', { exact: true }).waitFor();
  await two.getByText('first, from two', { exact: true }).waitFor();
  await findsNothing(two, 'two texts');
  await photograph(two, 'note-two-texts');
  await two.getByRole('button', { name: 'Go on with both' }).click();
  await two.getByRole('heading', { name: 'Visit note' }).waitFor();
  assert.equal(await said(two), 'first, from one\nfirst, from two');
  await context.close();
});

test('somebody else at the same workstation sees nothing of it', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'asha.rao');
  const place = await begin(page, 'of the lighthouse');
  const other = await pageOf(context);
  await page.goto(`${chart()}/notes/new`);
  await part(page, 'Subjective').focus();
  await page.keyboard.type('unsent lighthouse');
  await page.waitForTimeout(BEFORE_SAVING_MS);
  // The tab dies with it, and the browser is left to the next person.
  await crash(page);
  await other.goto('/me');
  await signOut(other);
  await signIn(other, here.clinic, 'daniel.osei');
  assert.equal((await other.goto(place)).status(), 404);
  assert.ok(!(await other.content()).includes('lighthouse'));
  await other.goto(`${chart()}/notes/new`);
  await other.waitForLoadState('networkidle');
  assert.ok(!(await other.content()).includes('lighthouse'));
  assert.ok(await other.locator('#found').isHidden());
  const kept = await onDevice(other);
  assert.equal(kept.length, 1, 'it lies there');
  assert.ok(!kept[0].includes('lighthouse'), 'sealed');
  // Its author finds it.
  await signOut(other);
  await signIn(other, here.clinic, 'asha.rao');
  await other.goto(`${chart()}/notes/new`);
  await other.getByRole('link', { name: 'A note that this browser had not sent: go on with it' }).click();
  await other.waitForFunction(() => document.getElementById('subjective')?.value === 'unsent lighthouse');
  await context.close();
});
