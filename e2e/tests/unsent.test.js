// What one presses and types when the server does not answer, the network is away, or one leaves before it was sent.

import assert from 'node:assert/strict';
import test from 'node:test';

import { findsNothing } from '../support/axe.js';
import { NARROW, WIDE, pageOf, photograph } from '../support/browser.js';
import { house } from '../support/house.js';
import { signIn } from '../support/people.js';
import { until } from '../support/wait.js';

const here = house({ patients: 18 });
/** Silence is noticed within this. */
const SILENT_MS_MAX = 20_000;

async function signedIn(name) {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  await signIn(page, here.clinic, name);
  return { context, page };
}

/** The server holds still: connections stay, and nobody answers. */
async function whileHeld(work) {
  here.clinic.server.kill('SIGSTOP');
  try {
    await work();
  } finally {
    here.clinic.server.kill('SIGCONT');
  }
}

test('who stops loading presses again, and what they wanted is done', async () => {
  const { context, page } = await signedIn('fay.kim');
  await page.goto('/today?who=all');
  const id = await page.locator('tr.expected').first().getAttribute('id');
  const line = page.locator(`tr[id="${id}"]`);
  const button = line.getByRole('button', { name: /^Check in/ });
  const devtools = await context.newCDPSession(page);
  // The first press never gets through.
  await page.route('**/today/act', () => {}, { times: 1 });
  const sent = page.waitForRequest((request) => request.url().endsWith('/today/act'));
  await button.click({ noWaitAfter: true });
  await sent;
  await devtools.send('Page.stopLoading');
  const end = Date.now() + 15_000;
  while (await line.getByText('Checked in').count() === 0) {
    assert.ok(Date.now() < end, 'a button that is pressed again does what it says');
    await button.click({ noWaitAfter: true, timeout: 1_000 }).catch(() => {});
    await line.getByText('Checked in').waitFor({ timeout: 500 }).catch(() => {});
  }
  await context.close();
});

test('a day says that it is live only while the server is heard', async () => {
  const { context, page } = await signedIn('fay.kim');
  await page.goto('/today?who=all');
  const [live, lost] = [page.getByText('Live', { exact: true }), page.getByRole('link', { name: 'Not live: reload' })];
  await live.waitFor();
  await whileHeld(async () => {
    await lost.waitFor({ timeout: SILENT_MS_MAX });
    assert.equal(await live.count(), 0);
    await findsNothing(page, 'today-not-live');
  });
  await live.waitFor();
  assert.equal(await lost.count(), 0);
  // The network goes and comes back.
  await context.setOffline(true);
  await lost.waitFor();
  await context.setOffline(false);
  await live.waitFor();
  await context.close();
});

test('a form that is sent without a connection stays as it is, says so, and is sent by pressing again', async () => {
  const { context, page } = await signedIn('fay.kim');
  await page.goto('/patients/new');
  const family = page.locator('#family');
  const place = page.url();
  await family.fill('Unsentson');
  const press = page.getByRole('button', { name: 'Register', exact: true });
  const said = page.getByRole('alert').filter({ hasText: 'No connection. Nothing was sent; what you typed is still here.' });
  await context.setOffline(true);
  await press.click();
  await said.waitFor();
  assert.deepEqual([page.url(), await family.inputValue()], [place, 'Unsentson']);
  await findsNothing(page, 'no-connection');
  await photograph(page, 'no-connection');
  await context.setOffline(false);
  // The browser says that it is online and nobody answers: the stream fell silent, and it is tried.
  await whileHeld(async () => {
    await page.waitForFunction(() => !globalThis.wardstone.hears(), null, { timeout: SILENT_MS_MAX });
    await press.click({ noWaitAfter: true });
    await said.waitFor();
    assert.deepEqual([page.url(), await family.inputValue()], [place, 'Unsentson']);
  });
  await press.click();
  await said.waitFor({ state: 'hidden' });
  await page.waitForURL((url) => url.pathname === '/patients/new');
  await page.getByRole('alert').filter({ visible: true }).first().waitFor();
  assert.equal(await page.locator('#family').inputValue(), 'Unsentson');
  await context.close();
});

test('a form that was changed asks before it is left, and after it was sent nothing does', async () => {
  const { context, page } = await signedIn('fay.kim');
  await page.goto('/patients/new');
  const place = page.url();
  const asked = [];
  let stays = true;
  page.on('dialog', (dialog) => {
    asked.push(dialog.type());
    return stays ? dialog.dismiss() : dialog.accept();
  });
  const family = page.locator('#family');
  const leave = async (how, name) => {
    const before = asked.length;
    await how();
    await until(name, () => asked.length === before + 1);
    assert.deepEqual([page.url(), await family.inputValue()], [place, 'Unsentson'], name);
  };
  await family.click();
  await page.keyboard.type('Unsentson');
  await leave(() => page.getByRole('link', { name: 'Patients', exact: true }).click({ noWaitAfter: true }), 'a link');
  await leave(() => page.getByRole('button', { name: 'Lock' }).click({ noWaitAfter: true }), 'Lock');
  await leave(() => page.evaluate(() => { setTimeout(() => location.reload()); }), 'reload');
  await leave(() => page.evaluate(() => { setTimeout(() => history.back()); }), 'Back');
  // Sent: the answer comes without a question, and says what is missing.
  const before = asked.length;
  await page.getByRole('button', { name: 'Register', exact: true }).click();
  await page.locator('#wrong').waitFor();
  assert.equal(asked.length, before);
  // Typed and taken back is no change.
  await page.goto('/patients/new');
  await family.click();
  await page.keyboard.type('X');
  await page.keyboard.press('Backspace');
  await page.getByRole('link', { name: 'Patients', exact: true }).click();
  await page.waitForURL('**/patients');
  // What only finds is no loss.
  await page.getByLabel('Name', { exact: true }).fill('somebody');
  await page.getByRole('link', { name: 'Today', exact: true }).click();
  await page.waitForURL(/\/today/);
  assert.equal(asked.length, before);
  // Who wants to goes.
  stays = false;
  await page.goto('/patients/new');
  await family.click();
  await page.keyboard.type('Unsentson');
  await page.getByRole('button', { name: 'Lock' }).click();
  await page.getByText('Drafts of notes are kept; what was typed into a form that was not sent is not.').waitFor();
  assert.equal(asked.length, before + 1);
  await context.close();
});

test('the warning before a session ends stands in a landmark, over no name, and says what stays', async () => {
  const { context, page } = await signedIn('asha.rao');
  // As the stream says it two minutes ahead.
  await page.route('**/me/events', (route) => route.fulfill({ contentType: 'text/event-stream', body: 'event: warning\ndata: {"idle_s":100}\n\n' }));
  await page.goto('/today?who=all');
  await page.locator('tr .c-who > a').first().click();
  await page.waitForURL(/\/patients\/[A-Za-z0-9.-]+$/);
  const warning = page.getByRole('region', { name: 'Your session' });
  await warning.getByText('Drafts of notes are kept; a form that is not sent is not.').waitFor();
  for (const size of [WIDE, NARROW]) {
    await page.setViewportSize(size);
    for (const down of [0, 600]) {
      await page.evaluate((top) => scrollTo({ top, behavior: 'instant' }), down);
      const [said, name] = [await warning.boundingBox(), await page.getByRole('heading', { level: 1 }).boundingBox()];
      assert.ok(said.y >= 0 && said.y + said.height <= size.height + 1, `it is in sight at ${size.width}, ${down}`);
      assert.ok(said.y >= name.y + name.height || name.y >= said.y + said.height, `it covers the name at ${size.width}, ${down}`);
    }
    await findsNothing(page, `session-warning-${size.width}`);
  }
  await photograph(page, 'session-warning');
  await page.keyboard.press('Shift');
  await warning.waitFor({ state: 'hidden' });
  await context.close();
});
