// What people do at the door, as they do it: by labels and buttons.

import assert from 'node:assert/strict';

/** The first step: login and password. */
export async function givePassword(page, { login, password }) {
  await page.goto('/signin');
  await page.getByLabel('Login').fill(login);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Go on' }).click();
}

/** The second step by authenticator app. */
export async function giveCode(page, code) {
  await page.getByLabel('Code of your authenticator app').fill(code);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

/** A user of the demo signs in with password and authenticator app. */
export async function signIn(page, clinic, name, arrives = (url) => !url.pathname.startsWith('/signin')) {
  const user = clinic.user(name);
  await givePassword(page, { login: user.username, password: user.password });
  await giveCode(page, await clinic.authenticator(user).code());
  await page.waitForURL(arrives);
  return user;
}

/** From wherever signing in or enrolling led to one's own page. */
export async function toMe(page) {
  await page.waitForURL((url) => !/^\/(signin|enrol|lock|stepup)/.test(url.pathname));
  await page.goto('/me');
}

/** A user of the demo signs in and goes to their own page. */
export async function signInAtMe(page, clinic, name) {
  const user = await signIn(page, clinic, name);
  await toMe(page);
  return user;
}

/** The front desk registers somebody who comes for the first time; gives the path of their chart. */
export async function register(desk, { family, given, born, sex = 'male' }) {
  await desk.goto('/patients/new');
  await desk.locator('[name="family"]').first().fill(family);
  await desk.locator('[name="given"]').first().fill(given);
  await desk.getByLabel('Birth date').fill(born);
  await desk.locator('[name="gender"]').selectOption(sex);
  await desk.getByRole('button', { name: 'Register', exact: true }).click();
  await desk.waitForURL(/\?registered$/);
  return new URL(desk.url()).pathname;
}

export async function signOut(page) {
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL('**/signin');
}

/** The cookie of the session, as the browser holds it. */
export async function sessionCookie(context) {
  const cookie = (await context.cookies()).find((cookie) => cookie.name === '__Host-wardstone');
  assert.ok(cookie, 'there is a session cookie');
  return cookie;
}

/** Listens to the event stream that the page holds; the promise says when `ended` came. Before the page is opened. */
export async function watchStream(page) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Network.enable');
  const opened = new Promise((resolve) => {
    devtools.on('Network.eventSourceMessageReceived', ({ eventName }) => eventName === 'remaining' && resolve());
  });
  const ended = new Promise((resolve) => {
    devtools.on('Network.eventSourceMessageReceived', ({ eventName }) => eventName === 'ended' && resolve(Date.now()));
  });
  return { opened, ended };
}
