// Signing in with a password and an authenticator app, with scripts and without, and who may not.

import assert from 'node:assert/strict';
import test from 'node:test';

import { pageOf, photograph } from '../support/browser.js';
import { house } from '../support/house.js';
import { giveCode, givePassword, sessionCookie, signInAtMe, toMe } from '../support/people.js';

const here = house();

test('the demo certificate is trusted, and a stranger is shown the door', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  const answer = await page.goto('/');
  assert.equal(answer.status(), 200);
  assert.equal(new URL(page.url()).pathname, '/signin');
  assert.equal((await answer.securityDetails()).protocol, 'TLS 1.3');
  await page.getByRole('button', { name: 'Sign in with a passkey' }).waitFor();
  await photograph(page, 'sign-in');
  assert.deepEqual(page.complaints, []);
  await context.close();
});

test('password and authenticator app open a session on a device of its own', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  const user = here.clinic.user('nora.lind');
  await givePassword(page, { login: user.username, password: user.password });
  await page.getByLabel('Code of your authenticator app').waitFor();
  await photograph(page, 'second-step');
  await giveCode(page, await here.clinic.authenticator(user).code());
  await toMe(page);
  assert.equal(await page.getByRole('heading', { level: 1 }).innerText(), user.name);
  await page.getByText('nurse', { exact: true }).waitFor();
  await photograph(page, 'me');

  const { secure, httpOnly, sameSite, path, domain } = await sessionCookie(context);
  const expected = { secure: true, httpOnly: true, sameSite: 'Strict', path: '/', domain: 'localhost' };
  assert.deepEqual({ secure, httpOnly, sameSite, path, domain }, expected);
  assert.equal(await page.evaluate(() => document.cookie), '');
  const devices = page.getByRole('table').filter({ hasText: 'Browsers that hold a key of yours' });
  assert.equal(await devices.getByText('(this one)').count(), 1);

  // The door does not ask whoever is in.
  await page.goto('/signin');
  assert.equal(new URL(page.url()).pathname, '/today');
  await page.goto('/me');
  // Nothing of the session is left to go back to.
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL('**/signin');
  await page.goBack();
  await page.waitForURL('**/signin');
  assert.deepEqual(page.complaints, []);
  await context.close();
});

test('a wrong code is refused in words, and the right one still works', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  const user = here.clinic.user('ben.ortiz');
  const app = here.clinic.authenticator(user);
  await givePassword(page, { login: user.username, password: user.password });
  await giveCode(page, app.wrong());
  await page.getByRole('alert').filter({ hasText: 'does not match' }).waitFor();
  assert.equal((await context.cookies()).some((cookie) => cookie.name === '__Host-wardstone'), false);
  await photograph(page, 'wrong-code');
  const code = await app.code();
  await giveCode(page, code);
  await toMe(page);

  // That code was used.
  const other = await here.browser.profile();
  const again = await pageOf(other);
  await givePassword(again, { login: user.username, password: user.password });
  await giveCode(again, code);
  await again.getByRole('alert').filter({ hasText: 'does not match' }).waitFor();
  await context.close();
  await other.close();
});

test('nobody learns at the door who has an account', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  const seen = [];
  for (const login of ['fay.kim', 'nobody.at.all']) {
    await givePassword(page, { login, password: 'this is not the password' });
    await page.getByRole('alert').filter({ hasText: 'does not match' }).waitFor();
    seen.push(await page.locator('body').innerText());
  }
  assert.equal(seen[0], seen[1]);
  assert.ok(!page.url().includes('fay'));
  await context.close();
});

test('without scripts, password and app open a session bound to where it began', async () => {
  const context = await here.browser.profile({ javaScriptEnabled: false });
  const page = await pageOf(context);
  await page.goto('/signin');
  assert.equal(await page.locator('#with-passkey').isVisible(), false, 'a passkey needs scripts');
  const user = await signInAtMe(page, here.clinic, 'fay.kim');
  assert.equal(await page.getByRole('heading', { level: 1 }).innerText(), user.name);
  await page.getByText('scripts are off').waitFor();
  await photograph(page, 'me-without-scripts');

  const elsewhere = await here.browser.profile({ userAgent: 'Something else/1.0' });
  await elsewhere.addCookies([await sessionCookie(context)]);
  const thief = await pageOf(elsewhere);
  const answer = await thief.goto('/me');
  assert.equal(answer.status(), 401);
  assert.ok(!(await thief.content()).includes(user.name));
  assert.equal((await here.clinic.events('110126')).length, 1);

  await page.reload();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL('**/signin');
  await context.close();
  await elsewhere.close();
});

test('a form that another origin sends is refused, also from the same site', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  await signInAtMe(page, here.clinic, 'otto.vance');
  for (const origin of ['https://localhost:1', 'https://evil.example']) {
    const form = `<form method="post" action="${here.clinic.base_url}/signout"><button>Win</button></form>`;
    await context.route(`${origin}/**`, (route) => route.fulfill({ contentType: 'text/html', body: form }));
    const other = await pageOf(context);
    await other.goto(`${origin}/`);
    const [answer] = await Promise.all([
      other.waitForResponse((answer) => answer.url().endsWith('/signout')),
      other.getByRole('button', { name: 'Win' }).click(),
    ]);
    assert.equal(answer.status(), 403, origin);
    await other.close();
  }
  await page.reload();
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
  await context.close();
});
