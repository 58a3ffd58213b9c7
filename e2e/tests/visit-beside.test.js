// The clinician's page: the picture beside the chart and the note, in one page. The real server, two browsers.

import assert from 'node:assert/strict';
import test from 'node:test';

import { findsNothing } from '../support/axe.js';
import { MIDDLE, NARROW, WIDE, pageOf, photograph } from '../support/browser.js';
import { house } from '../support/house.js';
import { signIn, signInAtMe } from '../support/people.js';
import { appointment, come, enter, knock, letIn, linkFrom, plays } from '../support/visit.js';

const here = house({ patients: 6, media: true });
const CHART = 'iframe[data-pane=chart]';
const NOTE = 'iframe[data-pane=note]';

/** Both are in the call. */
async function call(context) {
  const visit = await appointment(here);
  const host = await pageOf(context);
  const user = await signIn(host, here.clinic, 'asha.rao');
  await host.goto(`/appointments/${visit.id}/visit`);
  await host.getByRole('button', { name: 'Open the room' }).click();
  await host.locator('#stage').waitFor();
  const patient = await come(here, await linkFrom(host), visit);
  await letIn(host, patient, 'The patient');
  await Promise.all([plays(host, '#tiles figure video'), plays(patient, '#tiles figure video')]);
  return { visit, host, patient, user };
}

const choose = (host, name) => host.getByRole('group', { name: 'Beside the call' }).getByRole('button', { name, exact: true }).click();
const chartIn = (host) => host.frameLocator(CHART);
const noteIn = (host) => host.frameLocator(NOTE);
const part = (note, name) => note.getByLabel(name, { exact: true });
const saved = (note) => note.locator('#saved', { hasText: /^Saved \d\d:\d\d/ }).waitFor();
const frameOf = async (host, selector) => (await host.locator(selector).elementHandle()).contentFrame();
/** Pictures of the other side that this page has shown since it has them. */
const pictures = (page) => page.evaluate(() => document.querySelector('#tiles figure video').getVideoPlaybackQuality().totalVideoFrames);
const more = (page, than) => page.waitForFunction((than) => document.querySelector('#tiles figure video')?.getVideoPlaybackQuality().totalVideoFrames > than, than, { timeout: 60_000 });
const within = (page, frame) => ({ emulateMedia: (media) => page.emulateMedia(media), evaluate: (...words) => frame.evaluate(...words) });

test('chart and note stand beside the call, and the call goes on whatever happens there', async () => {
  const context = await here.browser.profile();
  const { visit, host, patient } = await call(context);
  assert.equal(await host.locator('iframe').count(), 0, 'nothing is loaded before it is asked for');
  await photograph(host, 'visit-room');

  await choose(host, 'Chart');
  await chartIn(host).getByRole('heading', { level: 1 }).getByText(visit.family).waitFor();
  assert.equal(await chartIn(host).locator('.bar').isVisible(), false, 'one bar is enough');
  assert.ok(await chartIn(host).locator('.banner').isVisible());
  await findsNothing(host, 'the chart beside a call');
  await findsNothing(within(host, await frameOf(host, CHART)), 'the chart in its frame');
  const [wide, room] = await (await frameOf(host, CHART)).evaluate(() => [document.scrollingElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(wide <= room, `the chart is ${wide} px wide and has ${room}`);
  await photograph(host, 'visit-chart');
  const before = await pictures(host);
  // From page to page within the chart, and into the note from it.
  await chartIn(host).getByRole('link', { name: /medicines$/ }).first().click();
  const inside = await frameOf(host, CHART);
  await inside.waitForURL('**/medicines');
  await more(host, before);
  await inside.evaluate(() => history.back());
  await inside.waitForURL(`**/patients/${visit.patient}`);
  await chartIn(host).getByRole('link', { name: 'Write a note' }).click();

  await part(noteIn(host), 'Subjective').fill('Coughs since Monday.');
  await part(noteIn(host), 'Plan').pressSequentially('Fluids and rest, m and j are letters here.');
  await saved(noteIn(host));
  assert.equal(await host.getByRole('button', { name: 'Mute', exact: true }).isVisible(), true, 'a letter of the note is no key of the call');
  const typed = await pictures(host);
  await findsNothing(host, 'the note beside a call');
  await findsNothing(within(host, await frameOf(host, NOTE)), 'the note in its frame');
  await photograph(host, 'visit-note');
  await more(host, typed);

  // Back to the chart and to the note again: both are as they were.
  await choose(host, 'Chart');
  assert.equal(await host.locator(NOTE).isVisible(), false);
  await choose(host, 'Note');
  assert.equal(await part(noteIn(host), 'Subjective').inputValue(), 'Coughs since Monday.');
  assert.ok(await host.locator(NOTE).isVisible());

  // By keys: to the call and back to where one typed.
  await part(noteIn(host), 'Plan').focus();
  await host.keyboard.press('F6');
  assert.equal(await host.evaluate(() => document.activeElement.id), 'mute');
  await host.keyboard.press('F6');
  assert.equal(await (await frameOf(host, NOTE)).evaluate(() => document.activeElement.id), 'plan');

  // Somebody else knocks: it is seen with the note in front.
  const family = await come(here, await linkFrom(host, 'family', 'Her son'));
  await host.locator('#waits').getByText('Waiting: Her son').waitFor();
  assert.ok(await host.getByRole('button', { name: 'Let in: Her son' }).isVisible());
  await family.close();

  // Leaving asks first.
  const asked = new Promise((done) => { host.once('dialog', (dialog) => { dialog.dismiss(); done(dialog.type()); }); });
  await host.evaluate(() => { location.assign('/today'); });
  assert.equal(await asked, 'beforeunload');

  // What leads out of the chart, or out of this page, opens in a window; the call has none of it.
  const [today] = await Promise.all([context.waitForEvent('page'), host.getByRole('link', { name: 'Today', exact: true }).click()]);
  await today.waitForURL('**/today');
  await today.close();
  await part(noteIn(host), 'Plan').press('Control+k');
  await host.keyboard.type('calendar');
  await noteIn(host).getByRole('option', { name: 'Calendar', selected: true }).waitFor();
  const [calendar] = await Promise.all([context.waitForEvent('page'), host.keyboard.press('Enter')]);
  await calendar.waitForURL('**/schedule');
  await calendar.close();
  assert.match(host.url(), /\/visit$/);
  await more(host, await pictures(host));
  await plays(patient, '#tiles figure video');

  // A window instead of the frame: the note is not open twice.
  await part(noteIn(host), 'Plan').pressSequentially(' Again in a week.');
  const [window] = await Promise.all([context.waitForEvent('page'), host.getByRole('link', { name: /^Note of this visit in a window/ }).click()]);
  await part(window, 'Plan').waitFor();
  assert.match(await part(window, 'Plan').inputValue(), /letters here\. Again in a week\.$/);
  assert.equal(await host.locator(NOTE).count(), 0);
  await window.close();
  await host.getByRole('button', { name: 'End for all' }).click();
  await patient.getByText('The visit is over.').waitFor();
  assert.deepEqual(host.complaints, []);
});

const unlock = async (host, user) => {
  await host.getByLabel('Password', { exact: true }).fill(user.password);
  await host.getByLabel('Code of your authenticator app').fill(await here.clinic.authenticator(user).code());
  await host.getByRole('button', { name: 'Unlock', exact: true }).click();
};
const isAlone = (host) => host.waitForFunction(() => document.querySelector('iframe') === null);
/** Whatever this window and all within it could still show. */
const everything = async (host) => (await Promise.all(host.frames().map((frame) => frame.content()))).join('\n');

test('the screen locks beside the call: nothing of chart and note is left on it, and all is there again when its person is back', async () => {
  const context = await here.browser.profile();
  const { visit, host, patient, user } = await call(context);
  await choose(host, 'Chart');
  await chartIn(host).getByRole('heading', { level: 1 }).getByText(visit.family).waitFor();
  const down = await (await frameOf(host, CHART)).evaluate(() => { scrollTo(0, 300); return Math.round(scrollY); });
  assert.ok(down > 100);
  await choose(host, 'Note');
  // Whoever types is there; a hand that moves over the picture says nothing.
  const told = [];
  host.on('request', (request) => { if (request.url().endsWith('/session/active')) told.push(request.frame()); });
  const inNote = await frameOf(host, NOTE);
  const box = await host.locator('#tiles').boundingBox();
  for (let step = 0; step < 10; step += 1) await host.mouse.move(box.x + 20 + step * 5, box.y + 20);
  await part(noteIn(host), 'Subjective').pressSequentially('Slept badly since the move.');
  assert.ok(told.length === 1 && told[0] === inNote, `${told.length}`);
  await saved(noteIn(host));
  const draft = (await frameOf(host, NOTE)).url();
  await part(noteIn(host), 'Plan').pressSequentially('Typed just before the lock.');
  await host.getByRole('button', { name: 'Lock', exact: true }).click();
  await host.getByRole('heading', { name: 'Locked' }).waitFor();
  await isAlone(host);
  const html = await everything(host);
  for (const gone of [visit.family, visit.number, visit.birth, 'Slept badly', 'Typed just before']) assert.ok(!html.includes(gone), gone);
  assert.equal(host.frames().length, 1);
  await findsNothing(host, 'locked, with a note beside the call');
  await photograph(host, 'visit-beside-locked');
  await more(host, await pictures(host));
  await host.keyboard.press('F6');
  assert.equal(await host.locator('iframe').count(), 0, 'no key brings it back');

  await unlock(host, user);
  await part(noteIn(host), 'Plan').waitFor();
  assert.equal((await frameOf(host, NOTE)).url(), draft);
  assert.equal(await part(noteIn(host), 'Plan').inputValue(), 'Typed just before the lock.');
  assert.equal(await part(noteIn(host), 'Subjective').inputValue(), 'Slept badly since the move.');
  // It can be written with the new session.
  await part(noteIn(host), 'Plan').pressSequentially(' And after.');
  await saved(noteIn(host));
  await choose(host, 'Chart');
  await chartIn(host).getByRole('heading', { level: 1 }).getByText(visit.family).waitFor();
  await host.waitForFunction((down) => Math.abs(document.querySelector('iframe[data-pane=chart]').contentWindow.scrollY - down) < 40, down);

  // The session ends elsewhere, while something is typed that the server does not have.
  await choose(host, 'Note');
  await context.route('**/notes/*', (route) => (route.request().method() === 'POST' ? route.abort() : route.continue()));
  await part(noteIn(host), 'Assessment').pressSequentially('Kept sealed on this device.');
  await noteIn(host).getByText('The server cannot be reached.').waitFor();
  const ended = await host.evaluate(() => fetch('?lock', { method: 'POST', body: new URLSearchParams({ csrf: document.getElementById('session').dataset.csrf }), redirect: 'manual' }).then(({ type }) => type));
  assert.equal(ended, 'opaqueredirect');
  await host.getByRole('heading', { name: 'Locked' }).waitFor();
  await isAlone(host);
  assert.ok(!(await everything(host)).includes('Kept sealed'));
  await context.unroute('**/notes/*');
  await unlock(host, user);
  await part(noteIn(host), 'Assessment').waitFor();
  await host.waitForFunction(() => document.querySelector('iframe[data-pane=note]').contentDocument.getElementById('assessment')?.value === 'Kept sealed on this device.');
  await saved(noteIn(host));
  await plays(patient, '#tiles figure video');
  await host.getByRole('button', { name: 'End for all' }).click();
  await patient.getByText('The visit is over.').waitFor();
});

test('who is signed out elsewhere is out of the call, the chart and the note', async () => {
  const context = await here.browser.profile();
  const { visit, host, patient } = await call(context);
  await choose(host, 'Note');
  await part(noteIn(host), 'Plan').fill('Stays with its author.');
  await saved(noteIn(host));
  const other = await pageOf(await here.browser.profile());
  await signInAtMe(other, here.clinic, 'asha.rao');
  await other.getByRole('button', { name: /End all others|Sign out everywhere else|End the others/ }).click();
  await patient.getByText('The clinic cut this call off.').waitFor();
  await host.waitForURL(/\/(lock|signin)/);
  const html = await everything(host);
  for (const gone of [visit.family, 'Stays with its author']) assert.ok(!html.includes(gone), gone);
});

test('a frame beside the call has no camera, moves no other page, and says what does not open in it', async () => {
  const context = await here.browser.profile();
  const visit = await appointment(here);
  const host = await pageOf(context);
  await signIn(host, here.clinic, 'asha.rao');
  await host.goto(`/appointments/${visit.id}/visit`);
  await choose(host, 'Note');
  await part(noteIn(host), 'Plan').fill('Rest.');
  await saved(noteIn(host));
  const inside = await frameOf(host, NOTE);
  assert.equal(await inside.evaluate(() => navigator.mediaDevices.getUserMedia({ audio: true, video: true }).then(() => 'open', ({ name }) => name)), 'NotAllowedError');
  const at = host.url();
  assert.equal(await inside.evaluate(() => { try { top.location.assign('/today'); return 'gone'; } catch ({ name }) { return name; } }), 'SecurityError');
  assert.equal(host.url(), at);

  // The same note in a window too: both texts are kept, and asked about where the later one is written.
  const twin = await pageOf(context);
  await twin.goto(inside.url());
  await part(twin, 'Plan').fill('Rest, and fluids.');
  await saved(twin);
  await part(noteIn(host), 'Plan').fill('Rest, and a follow-up.');
  await noteIn(host).getByRole('button', { name: /both/i }).waitFor();
  const both = await noteIn(host).locator('main').innerText();
  assert.ok(both.includes('Rest, and fluids.') && both.includes('Rest, and a follow-up.'), both);
  await noteIn(host).getByRole('button', { name: /both/i }).click();
  await part(noteIn(host), 'Plan').waitFor();
  assert.match(await part(noteIn(host), 'Plan').inputValue(), /fluids[^]*follow-up|follow-up[^]*fluids/);
  await twin.close();

  // What has no place there is not shown, and the way back is a press away.
  await (await frameOf(host, NOTE)).evaluate(() => location.assign('/today'));
  await host.getByText('This does not open beside the call.').waitFor();
  await host.getByRole('button', { name: 'Open it from the beginning: Note of this visit' }).click();
  await part(noteIn(host), 'Plan').waitFor();
  await host.getByRole('button', { name: 'Lock', exact: true }).click();
  await host.waitForURL('**/lock**');
});

test('in a narrow window chart and note have windows of their own, and what was open stays', async () => {
  const context = await here.browser.profile({ viewport: NARROW });
  const visit = await appointment(here);
  const host = await pageOf(context);
  await signIn(host, here.clinic, 'asha.rao');
  await host.goto(`/appointments/${visit.id}/visit`);
  assert.equal(await host.getByRole('group', { name: 'Beside the call' }).isVisible(), false);
  const [window] = await Promise.all([context.waitForEvent('page'), host.getByRole('link', { name: /^Chart in a window/ }).click()]);
  await window.getByRole('heading', { level: 1 }).getByText(visit.family).waitFor();
  await window.close();
  // Before the room is open it is beside the page already, where there is room for it.
  await host.setViewportSize(MIDDLE);
  await choose(host, 'Chart');
  await chartIn(host).getByRole('heading', { level: 1 }).getByText(visit.family).waitFor();
  const inside = await frameOf(host, CHART);
  assert.ok(await chartIn(host).getByText('Allergies', { exact: true }).first().isVisible());
  await inside.evaluate(() => scrollTo(0, 2_000));
  assert.ok((await chartIn(host).locator('.banner .alerts').boundingBox()).y >= (await host.locator('#workspace').boundingBox()).y - 1, 'the allergies stay in sight');
  for (const size of [NARROW, { width: 320, height: 640 }, WIDE, { width: 720, height: 450 }]) {
    await host.setViewportSize(size);
    await host.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    assert.ok(await host.locator(CHART).isVisible(), `${size.width}`);
    assert.ok(await host.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `nothing is beside the screen at ${size.width}`);
    const box = await host.locator(CHART).boundingBox();
    assert.ok(box.width > size.width * 0.5 && box.height > 200, `${size.width}: ${JSON.stringify(box)}`);
  }
  await findsNothing(host, 'a small window, the chart in it');
});
