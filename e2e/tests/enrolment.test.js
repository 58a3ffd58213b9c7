// From an invitation to an account that opens, and in again.

import assert from 'node:assert/strict';
import test from 'node:test';

import { pageOf, photograph, virtualAuthenticator } from '../support/browser.js';
import { house } from '../support/house.js';
import { giveCode, givePassword, sessionCookie, signInAtMe, signOut, toMe } from '../support/people.js';
import { Authenticator } from '../support/totp.js';

const here = house();
const PASSWORD = 'three lanterns over a saguaro';

async function giveInvitation(page, code) {
  await page.goto('/enrol');
  await page.getByLabel('The code you were given').fill(code);
  await page.getByRole('button', { name: 'Go on' }).click();
}

test('an invitation and a passkey open an account, and the passkey alone signs in again', async () => {
  const { code } = await here.clinic.invite('lena.frost', 'Lena Frost', 'nurse');
  const context = await here.browser.profile();
  const page = await pageOf(context);
  await virtualAuthenticator(page);
  await giveInvitation(page, code);
  await page.waitForURL('**/enrol/steps');
  assert.ok(!page.url().includes(code));
  await photograph(page, 'enrol');
  await page.getByRole('button', { name: 'Make a passkey' }).click();
  await page.getByRole('button', { name: 'Add another passkey' }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Open my account' }).count(), 0, 'recovery codes are missing');
  await page.getByRole('button', { name: 'Show my codes' }).click();
  assert.equal(await page.locator('#recovery-codes li').count(), 10);
  await photograph(page, 'recovery-codes');
  await page.getByRole('checkbox', { name: 'I have read how to keep this account safe' }).check();
  await page.getByRole('button', { name: 'Open my account' }).click();
  await toMe(page);
  assert.equal(await page.getByRole('heading', { level: 1 }).innerText(), 'Lena Frost');
  await page.getByText('nurse', { exact: true }).waitFor();
  // A passkey vouches for the device that it is used on.
  await page.getByText('verified', { exact: true }).first().waitFor();

  await signOut(page);
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
  await toMe(page);
  const sessions = page.getByRole('table').filter({ hasText: 'Where you are signed in' });
  await sessions.getByText('passkey').waitFor();

  const before = await sessionCookie(context);
  await page.goto('/stepup');
  await page.getByRole('button', { name: 'Use your passkey' }).click();
  await toMe(page);
  assert.notEqual((await sessionCookie(context)).value, before.value);
  assert.deepEqual(page.complaints, []);
  await context.close();
});

test('an authenticator that does not recognize its person gets nowhere', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  const { devtools, authenticatorId } = await virtualAuthenticator(page);
  const { code } = await here.clinic.invite('ole.berg', 'Ole Berg');
  await giveInvitation(page, code);
  await devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
  await page.getByRole('button', { name: 'Make a passkey' }).click();
  await page.getByRole('alert').filter({ hasText: /passkey/ }).waitFor();
  await page.reload();
  await page.getByRole('button', { name: 'Make a passkey' }).waitFor();
  await context.close();
});

test('an invitation, a password and an authenticator app open an account, and a recovery code gets in once', async () => {
  const { login, code } = await here.clinic.invite('ida.stone', 'Ida Stone', 'front_desk');
  const context = await here.browser.profile();
  const page = await pageOf(context);
  await giveInvitation(page, code);
  await page.getByLabel('Password', { exact: true }).fill('ida.stone ida.stone');
  await page.getByLabel('The same again').fill('ida.stone ida.stone');
  await page.getByRole('button', { name: 'Set the password' }).click();
  await page.getByRole('alert').first().waitFor();
  await photograph(page, 'weak-password');
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByLabel('The same again').fill(PASSWORD);
  await page.getByRole('button', { name: 'Set the password' }).click();
  await page.getByText('The password is set').waitFor();
  await page.getByRole('button', { name: 'Set up an authenticator app' }).click();
  const app = new Authenticator(await page.locator('#totp-secret').innerText());
  await page.getByRole('img', { name: /QR code/ }).waitFor();
  await photograph(page, 'authenticator-app');
  await page.getByLabel('The code that the app shows now').fill(await app.code());
  await page.getByRole('button', { name: 'Confirm' }).click();
  await page.getByText('The authenticator app is set up').waitFor();
  await page.getByRole('button', { name: 'Show my codes' }).click();
  const codes = await page.locator('#recovery-codes code').allInnerTexts();
  await page.getByRole('checkbox', { name: 'I have read how to keep this account safe' }).check();
  await page.getByRole('button', { name: 'Open my account' }).click();
  await toMe(page);

  await signOut(page);
  await givePassword(page, { login, password: PASSWORD });
  await giveCode(page, await app.code());
  await toMe(page);
  await signOut(page);
  for (const [code, place] of [[codes[0], '/me'], [codes[0], '/signin/second'], [codes[1], '/me']]) {
    await givePassword(page, { login, password: PASSWORD });
    await page.getByText('Use a recovery code').click();
    await page.getByLabel('Recovery code').fill(code);
    await page.getByRole('button', { name: 'Sign in', exact: true }).last().click();
    if (place !== '/me') await page.waitForURL(`**${place}`);
    else {
      await toMe(page);
      await signOut(page);
    }
  }
  assert.deepEqual(page.complaints, []);
  await context.close();
});

test('whoever has a password adds a passkey, and signs in with that alone', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  await virtualAuthenticator(page);
  const user = await signInAtMe(page, here.clinic, 'mei.tanaka');
  await page.getByRole('link', { name: /^Passkeys/ }).click();
  await page.getByText('None yet').waitFor();
  await photograph(page, 'how-i-sign-in');
  await page.getByRole('button', { name: 'Add a passkey' }).click();
  await page.getByRole('cell', { name: /^Chromium on/ }).waitFor();
  await page.getByRole('link', { name: 'My account' }).click();
  await signOut(page);
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
  await toMe(page);
  assert.equal(await page.getByRole('heading', { level: 1 }).innerText(), user.name);

  await page.goto('/me/proofs');
  await page.getByRole('button', { name: 'Remove' }).click();
  await page.getByText('None yet').waitFor();
  await page.getByRole('link', { name: 'My account' }).click();
  await signOut(page);
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
  await page.getByRole('alert').filter({ hasText: 'does not match' }).waitFor();
  assert.deepEqual(page.complaints, []);
  await context.close();
});

test('an invitation opens once, and a code that is none says no more than that', async () => {
  const { code } = await here.clinic.invite('una.reed', 'Una Reed');
  const context = await here.browser.profile();
  const page = await pageOf(context);
  await giveInvitation(page, 'AAAA-BBBB-CCCC-DDDD');
  await page.getByRole('alert').filter({ hasText: 'not valid' }).waitFor();
  // What a link carries behind `#` never reaches the server.
  await page.goto(`/enrol#${encodeURIComponent(code)}`);
  assert.equal(await page.getByLabel('The code you were given').inputValue(), code);
  assert.ok(!page.url().includes('#'));
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.waitForURL('**/enrol/steps');
  // Nothing opens before everything is there.
  await page.goto('/me');
  assert.equal(new URL(page.url()).pathname, '/signin');
  assert.ok(!here.clinic.log.includes(code));
  await context.close();
});
