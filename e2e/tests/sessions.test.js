// Sessions end where they must, and a cookie is worth nothing without the device that it was given to.

import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';

import { pageOf, photograph } from '../support/browser.js';
import { house } from '../support/house.js';
import { giveCode, givePassword, sessionCookie, signInAtMe, watchStream, toMe } from '../support/people.js';

const here = house();

/** Node alert: the code of a replayed cookie in the log. */
const COOKIE_REPLAY = '110126';
/** A connection has 20 s to prove its device. */
const PROOF_MS_MAX = 30_000;
const END_MS_MAX = 1_000;

test('a stolen cookie opens nothing in a browser with a key of its own, and the log says so at once', async () => {
  const [victim, thief] = [await here.browser.profile(), await here.browser.profile()];
  const page = await pageOf(victim);
  const user = await signInAtMe(page, here.clinic, 'nora.lind');
  const stealing = await pageOf(thief);
  await signInAtMe(stealing, here.clinic, 'fay.kim');
  // Its own stream would be asked for again with the other cookie.
  await stealing.goto('about:blank');
  const before = (await here.clinic.events(COOKIE_REPLAY)).length;
  await thief.clearCookies();
  await thief.addCookies([await sessionCookie(victim)]);
  const answer = await stealing.goto('/me');
  assert.equal(answer.status(), 401);
  await stealing.getByText('does not hold the key of this session').waitFor();
  assert.ok(!(await stealing.content()).includes(user.name));
  await photograph(stealing, 'not-this-device');
  assert.equal((await here.clinic.events(COOKIE_REPLAY)).length, before + 1);

  // Its owner goes on.
  await page.reload();
  assert.equal(await page.getByRole('heading', { level: 1 }).innerText(), user.name);
  await victim.close();
  await thief.close();
});

test('a stolen cookie opens nothing in a program, and the log says so when its time is over', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  const user = await signInAtMe(page, here.clinic, 'ruth.adler');
  const before = (await here.clinic.events(COOKIE_REPLAY)).length;
  const { value } = await sessionCookie(context);
  for (const path of ['/me', '/me/events', '/stepup']) {
    const stolen = { cookie: `__Host-wardstone=${value}`, accept: 'application/json' };
    const { status, body } = await here.clinic.ask('GET', path, { headers: stolen });
    assert.equal(status, 401, path);
    assert.ok(!body.includes(user.name) && !body.includes(user.username), path);
  }
  const until = Date.now() + PROOF_MS_MAX;
  while ((await here.clinic.events(COOKIE_REPLAY)).length === before) {
    assert.ok(Date.now() < until, 'the replay is in the log');
    await wait(500);
  }
  await context.close();
});

test('a new connection proves the device without anybody seeing it', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  const user = await signInAtMe(page, here.clinic, 'mei.tanaka');
  const devtools = await context.newCDPSession(page);
  // Going offline closes the connections.
  await context.setOffline(true);
  await page.goto('/me').catch(() => {});
  await context.setOffline(false);
  await devtools.detach();
  await page.goto('/me');
  await page.getByRole('heading', { name: user.name }).waitFor();
  await context.close();
});

test('signing out in one tab cuts the stream of another within a second', async () => {
  const context = await here.browser.profile();
  const [one, other] = [await pageOf(context), await pageOf(context)];
  await signInAtMe(one, here.clinic, 'samuel.white');
  const { opened, ended } = await watchStream(other);
  await other.goto('/me');
  await opened;
  // From the request on: the page's own stream may lead it away before it has the answer.
  await Promise.all([
    one.waitForRequest((request) => request.url().endsWith('/signout')),
    one.getByRole('button', { name: 'Sign out' }).click(),
  ]);
  const signedOut = Date.now();
  const took = (await ended) - signedOut;
  assert.ok(took <= END_MS_MAX, `${took} ms`);
  await other.waitForURL('**/signin');
  await other.goto('/me');
  assert.equal(new URL(other.url()).pathname, '/signin');
  await context.close();
});

test('a device reported lost from elsewhere is cut off within a second and stays out', async () => {
  const [lost, kept] = [await here.browser.profile(), await here.browser.profile()];
  const page = await pageOf(lost);
  const { opened, ended } = await watchStream(page);
  const user = await signInAtMe(page, here.clinic, 'daniel.osei');
  await opened;
  const other = await pageOf(kept);
  await signInAtMe(other, here.clinic, 'daniel.osei');
  await photograph(other, 'me-two-devices');
  const sessions = other.getByRole('table').filter({ hasText: 'Where you are signed in' });
  assert.equal(await sessions.locator('tbody tr').count(), 2);
  const devices = other.getByRole('table').filter({ hasText: 'Browsers that hold a key of yours' });
  const row = devices.locator('tbody tr').filter({ hasNotText: '(this one)' });
  assert.equal(await row.count(), 1);

  const [answer] = await Promise.all([
    other.waitForResponse((answer) => answer.url().endsWith('/me/devices/close')),
    row.getByRole('button', { name: 'Lost' }).click(),
  ]);
  assert.equal(answer.status(), 303);
  const reported = Date.now();
  const took = (await ended) - reported;
  assert.ok(took <= END_MS_MAX, `${took} ms`);
  await page.waitForURL('**/signin');
  await page.goto('/me');
  assert.equal(new URL(page.url()).pathname, '/signin');
  await devices.getByRole('cell', { name: 'lost', exact: true }).waitFor();

  // Both factors are right, and the device is not.
  await givePassword(page, { login: user.username, password: user.password });
  await giveCode(page, await here.clinic.authenticator(user).code());
  await page.getByText('may not be used any more').waitFor();
  await lost.close();
  await kept.close();
});

test('one ends the other session and keeps this one', async () => {
  const [one, two] = [await here.browser.profile(), await here.browser.profile()];
  const [page, other] = [await pageOf(one), await pageOf(two)];
  await signInAtMe(page, here.clinic, 'ada.moss');
  await signInAtMe(other, here.clinic, 'ada.moss');
  await other.getByRole('button', { name: 'End', exact: true }).click();
  await page.waitForURL('**/signin');
  const sessions = other.getByRole('table').filter({ hasText: 'Where you are signed in' });
  await sessions.getByText('this one').waitFor();
  assert.equal(await sessions.locator('tbody tr').count(), 1);
  await one.close();
  await two.close();
});

test('a step up asks for a code and gives a new cookie', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  const user = await signInAtMe(page, here.clinic, 'asha.rao');
  const first = await sessionCookie(context);
  await page.goto('/stepup');
  await photograph(page, 'step-up');
  const app = here.clinic.authenticator(user);
  await page.getByLabel('Code of your authenticator app').fill(app.wrong());
  await page.getByRole('button', { name: 'Confirm' }).click();
  await page.getByRole('alert').filter({ hasText: 'does not match' }).waitFor();
  await page.getByLabel('Code of your authenticator app').fill(await app.code());
  await page.getByRole('button', { name: 'Confirm' }).click();
  await toMe(page);
  assert.notEqual((await sessionCookie(context)).value, first.value);
  assert.deepEqual(page.complaints, []);
  await context.close();
});

test('a token is shown once, opens what its scopes name, and ends when it is revoked', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  await signInAtMe(page, here.clinic, 'otto.vance');
  await page.getByText('New token').click();
  await page.getByLabel('Label').fill('report');
  await page.getByLabel(/^Scopes/).fill('user/AuditEvent.rs');
  await page.getByRole('button', { name: 'Make it' }).click();
  const secret = await page.locator('#token-secret').innerText();
  assert.match(secret, /^wst_[\w-]{43}$/);
  await photograph(page, 'token');
  const bearer = { headers: { authorization: `Bearer ${secret}` } };
  assert.equal((await here.clinic.ask('GET', '/fhir/AuditEvent?_count=1', bearer)).status, 200);
  assert.equal((await here.clinic.ask('GET', '/fhir/Patient', bearer)).status, 403);

  await page.goto('/me');
  assert.ok(!(await page.content()).includes(secret));
  await page.getByRole('row').filter({ hasText: 'report' }).getByRole('button', { name: 'Revoke' }).click();
  await toMe(page);
  assert.equal(await page.getByRole('row').filter({ hasText: 'report' }).count(), 0);
  assert.equal((await here.clinic.ask('GET', '/fhir/AuditEvent?_count=1', bearer)).status, 401);
  await context.close();
});
