// A front desk and a physician work through one visit, each in a browser of their own, and see what the other does as it happens.

import assert from 'node:assert/strict';
import test from 'node:test';

import { findsNothing } from '../support/axe.js';
import { NARROW, pageOf, photograph } from '../support/browser.js';
import { house } from '../support/house.js';
import { register, signIn } from '../support/people.js';

const here = house({ patients: 18 });

/** What the other does is on the page within this. */
const LIVE_MS_MAX = 3_000;
const END_MS_MAX = 1_000;

/** The line of an appointment, by its id. */
const line = (page, id) => page.locator(`tr[id="${id}"]`);

/** A line that is still to come, with the clinician of this page. */
async function somebodyExpected(page) {
  const row = page.locator('tr.expected').first();
  await row.waitFor();
  return { id: await row.getAttribute('id'), name: await row.locator('.c-who > a').innerText() };
}

async function more(row, what) {
  await row.getByText('More', { exact: true }).click();
  await row.getByRole('button', { name: what, exact: true }).click();
}

/** The address has no word of a name, short ones too, and no birth date. */
function saysNobody(page, name, born) {
  const words = (text) => text.toLowerCase().split(/[^a-z0-9]+/).filter(Boolean);
  const address = decodeURIComponent(page.url());
  assert.deepEqual(words(name).filter((word) => words(address).includes(word)), [], address);
  assert.ok(!address.includes(born), address);
}

/** Takes the first free time of the calendar that is shown; says which. */
async function offered(page) {
  const offer = page.getByRole('link', { name: /^Free, book/ }).first();
  const when = (await offer.getAttribute('aria-label')).match(/\d\d-\w{3}-\d{4} \d\d:\d\d/)[0];
  await offer.click();
  await page.getByText(when).first().waitFor();
  return when;
}

test('check in, start and done pass between two browsers as they happen', async () => {
  const [desk, room] = [await here.browser.profile(), await here.browser.profile()];
  const [atDesk, inRoom] = [await pageOf(desk), await pageOf(room)];
  await signIn(inRoom, here.clinic, 'asha.rao');
  await inRoom.goto('/');
  assert.equal(new URL(inRoom.url()).pathname, '/today');
  assert.match(await inRoom.getByRole('heading', { level: 1 }).innerText(), /^Today, \w+day \d\d-\w{3}-\d{4}$/);
  await inRoom.getByText('Live', { exact: true }).waitFor();
  await photograph(inRoom, 'today-physician');
  await findsNothing(inRoom, 'today-physician');
  const { id, name } = await somebodyExpected(inRoom);

  await signIn(atDesk, here.clinic, 'fay.kim');
  await atDesk.goto('/today');
  await atDesk.getByText('Live', { exact: true }).waitFor();
  await photograph(atDesk, 'today-front-desk');
  await findsNothing(atDesk, 'today-front-desk');
  // The front desk sees who comes and never why.
  assert.equal(await atDesk.getByRole('columnheader', { name: 'Reason' }).count(), 0);
  assert.equal(await inRoom.getByRole('columnheader', { name: 'Reason' }).count(), 1);
  await line(atDesk, id).getByRole('button', { name: `Check in, ${name}` }).click();
  await line(atDesk, id).getByText('Checked in').waitFor();
  // Sent, redirected, and the row is where one is.
  assert.equal(new URL(atDesk.url()).hash, `#${id}`);

  // The physician did nothing and sees it.
  await line(inRoom, id).getByText('Checked in').waitFor({ timeout: LIVE_MS_MAX });
  assert.match(await line(inRoom, id).locator('.wait').innerText(), /^0 min$/);
  await line(inRoom, id).getByRole('button', { name: `Start visit, ${name}` }).click();
  await line(inRoom, id).getByText('With clinician').waitFor();
  await line(atDesk, id).getByText('With clinician').waitFor({ timeout: LIVE_MS_MAX });
  await line(inRoom, id).getByRole('button', { name: `Visit done, ${name}` }).click();
  await line(inRoom, id).getByText('Done', { exact: true }).waitFor();
  await line(atDesk, id).getByText('Done', { exact: true }).waitFor({ timeout: LIVE_MS_MAX });

  // Going back shows the day as it is, and sends nothing again.
  await inRoom.goBack();
  await line(inRoom, id).getByText('Done', { exact: true }).waitFor();

  assert.deepEqual([atDesk.complaints, inRoom.complaints], [[], []]);
  await desk.close();
  await room.close();
});

test('who comes second is told, keeps what was typed, and may do it all the same', async () => {
  const [desk, other] = [await here.browser.profile(), await here.browser.profile({ javaScriptEnabled: false })];
  const [atDesk, elsewhere] = [await pageOf(desk), await pageOf(other)];
  await signIn(atDesk, here.clinic, 'fay.kim');
  await signIn(elsewhere, here.clinic, 'asha.rao');
  await elsewhere.goto('/today');
  const { id, name } = await somebodyExpected(elsewhere);
  // Without scripts: the reason is typed while the front desk checks in.
  await line(elsewhere, id).getByText('More', { exact: true }).click();
  await line(elsewhere, id).getByRole('link', { name: 'Cancel…' }).click();
  await elsewhere.getByLabel('Why').selectOption('Clinician cannot come');
  await elsewhere.getByLabel(/^In their words/).fill('Called to the ward');
  await atDesk.goto('/today');
  await line(atDesk, id).getByRole('button', { name: /^Check in/ }).click();
  await line(atDesk, id).getByText('Checked in').waitFor();

  await elsewhere.getByRole('button', { name: 'Cancel the appointment' }).click();
  await elsewhere.getByRole('heading', { name: 'This appointment changed before you' }).waitFor();
  const row = elsewhere.getByRole('row').filter({ hasText: 'Status' });
  assert.match(await row.innerText(), /Expected[\s\S]*Checked in/);
  await elsewhere.getByText('Called to the ward').waitFor();
  assert.ok((await elsewhere.content()).includes(name));
  await photograph(elsewhere, 'today-stale');
  await elsewhere.getByRole('button', { name: 'Cancel the appointment all the same' }).click();
  await line(elsewhere, id).getByText('Cancelled').waitFor();
  await line(atDesk, id).getByText('Clinician cannot come: Called to the ward').waitFor({ timeout: LIVE_MS_MAX });
  await desk.close();
  await other.close();
});

test('a menu that is open stays open, and the list catches up when it closes', async () => {
  const [desk, second] = [await here.browser.profile(), await here.browser.profile()];
  const [atDesk, other] = [await pageOf(desk), await pageOf(second)];
  // One whom both are shown: the nurse does not treat everybody who comes.
  await signIn(other, here.clinic, 'nora.lind');
  await other.goto('/today?who=all');
  const id = await other.locator('tr.waits, tr.expected').filter({ hasText: 'More' }).first().getAttribute('id');
  await signIn(atDesk, here.clinic, 'fay.kim');
  await atDesk.goto('/today');
  await atDesk.getByText('Live', { exact: true }).waitFor();
  await line(atDesk, id).getByText('More', { exact: true }).click();
  await photograph(atDesk, 'today-menu');
  await findsNothing(atDesk, 'today-menu');
  await line(atDesk, id).getByText('More', { exact: true }).focus();

  await more(line(other, id), 'No-show');
  await line(other, id).getByText('No-show').waitFor();
  assert.ok(await line(atDesk, id).getByRole('button', { name: 'No-show' }).isVisible());
  await atDesk.keyboard.press('Escape');
  await line(atDesk, id).getByText('No-show').waitFor({ timeout: LIVE_MS_MAX });
  await more(line(other, id), 'Back to expected');
  await line(atDesk, id).getByText('Expected').waitFor({ timeout: LIVE_MS_MAX });
  await desk.close();
  await second.close();
});

test('a time is found in the calendar, booked, and moved', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'fay.kim');
  const born = '06-May-1961';
  await register(page, { family: 'Thornapple', given: 'Wim', born });
  const name = 'THORNAPPLE, Wim';
  await page.getByRole('link', { name: 'Calendar' }).click();
  await page.getByLabel('Of', { exact: true }).selectOption({ label: 'Asha Rao MD, a week' });
  await page.getByRole('button', { name: 'Show' }).click();
  await page.waitForURL((url) => ![null, 'all'].includes(url.searchParams.get('who')));
  const thisWeek = page.url();
  await page.getByRole('link', { name: 'Week after ›' }).click();
  await page.waitForURL((url) => String(url) !== thisWeek);
  await photograph(page, 'calendar-week');
  await findsNothing(page, 'calendar-week');
  const week = page.url();
  const booked = (when) => page.getByRole('status').filter({ hasText: `Booked: ${name}` }).filter({ hasText: when }).waitFor();
  const find = async () => {
    await page.getByLabel('Name').fill(name.split(',')[0].toLowerCase());
    await page.getByLabel('Birth date or record number').fill(born);
    await page.getByRole('button', { name: 'Find the patient' }).click();
    await page.getByText(name).waitFor();
  };
  const first = await offered(page);
  await find();
  saysNobody(page, name, born);
  await photograph(page, 'calendar-book');
  await findsNothing(page, 'calendar-book');
  await page.getByRole('button', { name: /^Book / }).click();
  await booked(first);
  // Another time with the same clinician: what there is already is said, and asked once.
  await page.goto(week);
  const when = await offered(page);
  await find();
  await page.getByRole('button', { name: /^Book / }).click();
  await page.getByText('Nothing was booked yet. Book this one too?').waitFor();
  await page.getByRole('alert').filter({ hasText: first.slice(-5) }).waitFor();
  assert.ok(await page.getByRole('radio', { name }).isChecked());
  await photograph(page, 'calendar-book-also');
  await findsNothing(page, 'calendar-book-also');
  await page.getByRole('button', { name: /^Yes, book / }).click();
  await booked(when);
  saysNobody(page, name, born);
  await findsNothing(page, 'booked');
  const row = page.locator('tr.expected').filter({ hasText: name }).filter({ hasText: when.slice(-5) });
  await row.getByText('More', { exact: true }).click();
  await row.getByRole('link', { name: 'Move…' }).click();
  await page.getByText(`${name} moves from`).waitFor();
  await page.getByRole('link', { name: /^Move here/ }).nth(3).click();
  const then = await page.locator('dd b time').innerText();
  await photograph(page, 'calendar-move');
  await findsNothing(page, 'calendar-move');
  await page.getByRole('button', { name: 'Move it' }).click();
  await page.locator('tr.expected').filter({ hasText: name }).filter({ hasText: then.slice(-5) }).waitFor();

  await page.getByRole('status').filter({ hasText: `Moved: ${name}` }).waitFor();

  // The list for when the computers are down.
  await page.goto('/today');
  await page.emulateMedia({ media: 'print' });
  for (const what of ['Walk-in', 'Show', 'Sign out']) assert.ok(!await page.getByText(what, { exact: true }).first().isVisible(), what);
  assert.ok(await page.locator('tr').nth(1).isVisible());
  await photograph(page, 'today-printed');
  assert.deepEqual(page.complaints, []);
  await context.close();
});

test('what was pressed too early is taken back from the list', async () => {
  const [office, room] = [await here.browser.profile(), await here.browser.profile()];
  const [desk, physician] = [await pageOf(office), await pageOf(room)];
  await signIn(desk, here.clinic, 'fay.kim');
  const born = '17-Nov-1949';
  await register(desk, { family: 'Wolfsbane', given: 'Ada', born, sex: 'female' });
  await desk.goto('/today');
  await desk.getByRole('link', { name: 'Walk-in' }).click();
  await desk.getByLabel('With').selectOption({ label: 'Asha Rao MD' });
  await desk.getByLabel('Name').fill('Wolfsbane');
  await desk.getByLabel('Birth date or record number').fill(born);
  await desk.getByRole('button', { name: 'Find the patient' }).click();
  await desk.getByRole('button', { name: 'Let them in' }).click();
  const came = desk.locator('tr.waits').filter({ hasText: 'WOLFSBANE, Ada' });
  await came.waitFor();
  const id = await came.getAttribute('id');
  await signIn(physician, here.clinic, 'asha.rao');
  await physician.goto('/today');
  await line(physician, id).getByRole('button', { name: /^Start visit/ }).click();
  await line(physician, id).getByRole('button', { name: /^Visit done/ }).click();
  await line(physician, id).getByText('Done', { exact: true }).waitFor();
  await more(line(physician, id), 'Back to with clinician');
  await line(physician, id).locator('.c-status').filter({ hasText: 'With clinician' }).waitFor();

  await desk.goto('/today');
  const last = desk.locator('tr.expected').last();
  const [gone, name] = [await last.getAttribute('id'), await last.locator('.c-who > a').innerText()];
  await line(desk, gone).getByText('More', { exact: true }).click();
  await line(desk, gone).getByRole('link', { name: 'Cancel…' }).click();
  await desk.getByLabel('Why').selectOption('Booked by mistake');
  await desk.getByRole('button', { name: 'Cancel the appointment' }).click();
  await line(desk, gone).getByText('Cancelled').waitFor();
  await more(line(desk, gone), 'Book again');
  await desk.getByRole('status').filter({ hasText: `Booked again: ${name}` }).waitFor();
  await line(desk, gone).getByText('Expected').waitFor();
  assert.deepEqual([desk.complaints, physician.complaints], [[], []]);
  await office.close();
  await room.close();
});

test('a menu at the lower edge opens where it is seen, by mouse and by key, and nothing moves', async () => {
  const context = await here.browser.profile({ viewport: { width: 1440, height: 520 } });
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'fay.kim');
  await page.goto('/today');
  await page.getByText('Live', { exact: true }).waitFor();
  const summary = page.locator('tr.expected').last().locator('summary');
  const menu = page.locator('tr.expected').last().locator('.menu > div');
  for (const open of [() => summary.click(), () => summary.press('Enter')]) {
    await summary.evaluate((it) => it.scrollIntoView({ block: 'end' }));
    const [before, scroll] = [await summary.boundingBox(), await page.evaluate(() => scrollY)];
    await open();
    await page.locator('.menu.up[open]').waitFor();
    const box = await menu.boundingBox();
    assert.ok(box.y >= 0 && box.y + box.height <= 520, JSON.stringify(box));
    assert.deepEqual([await summary.boundingBox(), await page.evaluate(() => scrollY)], [before, scroll]);
    await findsNothing(page, 'a menu upwards');
    await page.keyboard.press('Escape');
    await page.locator('.menu[open]').waitFor({ state: 'detached' });
    await page.waitForFunction(() => document.querySelectorAll('#list [inert]').length === 0);
    assert.ok(await menu.isHidden());
  }
  // Where there is room it opens downwards.
  const first = page.locator('tr:has(summary)').first();
  await first.locator('summary').evaluate((it) => it.scrollIntoView({ block: 'start' }));
  await page.setViewportSize({ width: 1440, height: 900 });
  await first.locator('summary').click();
  const [top, under] = [await first.locator('summary').boundingBox(), await first.locator('.menu > div').boundingBox()];
  assert.ok(under.y >= top.y + top.height - 1, JSON.stringify([top, under]));
  await context.close();
});

test('on a telephone a week shows the day one asked for, today first, and the way to the others', async () => {
  const context = await here.browser.profile({ viewport: NARROW, javaScriptEnabled: false });
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'fay.kim');
  await page.goto('/schedule');
  const asha = await page.getByLabel('Of', { exact: true }).getByRole('option', { name: 'Asha Rao MD' }).getAttribute('value');
  await page.goto(`/schedule?who=${asha}`);
  const days = page.getByRole('navigation', { name: 'Days of this week' }).getByRole('link');
  assert.equal(await days.count(), 7);
  const shown = () => page.locator('.calendar thead th:visible').allInnerTexts();
  const now = page.locator('.calendar thead th.now');
  assert.ok(await now.isVisible(), 'today is the day that is shown');
  const [today, at] = [await now.innerText(), await days.evaluateAll((all) => all.findIndex((one) => one.matches('[aria-current=date]')))];
  assert.ok((await shown()).some((head) => head === today) && (await shown()).length === 2, (await shown()).join());
  const [wide, seen] = [await page.locator('.scroll').evaluate((it) => it.scrollWidth), await page.locator('.scroll').evaluate((it) => it.clientWidth)];
  assert.ok(wide <= seen, `${wide} px in ${seen}`);
  await days.nth((at + 1) % 7).click();
  assert.ok(!await now.isVisible() && (await shown()).length === 2);
  // In a wide window the week stands whole.
  await page.setViewportSize({ width: 1440, height: 900 });
  assert.equal((await shown()).length, 8);
  await context.close();
});

test('axe finds nothing on a phone, on an empty day, and where one is asked why', async () => {
  const context = await here.browser.profile({ viewport: NARROW });
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'mei.tanaka');
  await page.goto('/today?who=all');
  await findsNothing(page, 'today on a phone');
  await page.goto('/today?day=2031-01-01&who=all');
  await page.getByText('No appointments on this day').waitFor();
  await findsNothing(page, 'an empty day');
  await page.goto('/schedule');
  await findsNothing(page, 'a week on a phone');
  await page.goto('/schedule?who=all');
  await page.getByText('booking is for the front desk').waitFor();
  await findsNothing(page, 'the calendar on a phone');
  await page.goto('/today');
  await page.locator('tr.expected, tr.waits').first().getByText('More', { exact: true }).click();
  await page.getByRole('link', { name: 'Cancel…' }).first().click();
  await findsNothing(page, 'cancelling');
  // 320 px, as 400 % of 1280 (WCAG 1.4.10): a calendar may scroll in its own box, a page does not.
  await page.setViewportSize({ width: 320, height: 640 });
  for (const path of ['/today?who=all', '/schedule?who=all']) {
    await page.goto(path);
    const [wide, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(wide <= seen, `${path}: ${wide} px`);
  }
  await context.close();
});

test('the stream of the day ends with the session, and who has no day has no entry', async () => {
  const context = await here.browser.profile();
  const [one, list] = [await pageOf(context), await pageOf(context)];
  await signIn(one, here.clinic, 'daniel.osei');
  const devtools = await context.newCDPSession(list);
  await devtools.send('Network.enable');
  // The page holds two streams: that of its session, and this one.
  let ofTheDay;
  const told = [];
  devtools.on('Network.requestWillBeSent', ({ requestId, request }) => {
    if (request.url.includes('/today/events')) ofTheDay = requestId;
  });
  const ended = new Promise((resolve) => {
    devtools.on('Network.eventSourceMessageReceived', ({ requestId, eventName, data }) => {
      if (requestId !== ofTheDay) return;
      told.push(data);
      if (eventName === 'ended') resolve(Date.now());
    });
  });
  await list.goto('/today');
  await list.getByText('Live', { exact: true }).waitFor();
  // From the request on: the page's own stream may lead it away before it has the answer.
  await Promise.all([
    one.waitForRequest((request) => request.url().endsWith('/signout')),
    one.getByRole('button', { name: 'Sign out' }).click(),
  ]);
  const signedOut = Date.now();
  const took = (await ended) - signedOut;
  assert.ok(took <= END_MS_MAX, `${took} ms`);
  assert.ok(told.length >= 2 && told.every((data) => data === '{}'), told.join());
  await list.waitForURL('**/signin');
  await context.close();

  const office = await here.browser.profile();
  const page = await pageOf(office);
  await signIn(page, here.clinic, 'ben.ortiz');
  assert.equal(await page.getByRole('link', { name: 'Today' }).count(), 0);
  assert.equal((await page.goto('/today')).status(), 404);
  await office.close();
});
