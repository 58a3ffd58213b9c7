// A patient opens a link and is face to face with the clinician: the real server, two browsers, a camera and a tone of their own each.

import assert from 'node:assert/strict';
import test from 'node:test';

import { findsNothing } from '../support/axe.js';
import { pageOf, photograph } from '../support/browser.js';
import { house } from '../support/house.js';
import { signIn } from '../support/people.js';
import { appointment, enter, knock, linkFrom, plays } from '../support/visit.js';

const here = house({ patients: 6, media: true, relayOnly: true });

test('a link, a birth date and a record number lead to the waiting room, and the clinician lets the patient in', async () => {
  const visit = await appointment(here);
  const [room, home] = [await here.browser.profile(), await here.browser.profile()];
  const [host, patient] = [await pageOf(room), await pageOf(home)];
  await signIn(host, here.clinic, 'asha.rao');
  await host.goto('/today');
  await host.locator(`a[href="/appointments/${visit.id}/visit"]`).click();
  await host.getByRole('heading', { level: 1, name: 'Video visit' }).waitFor();
  assert.ok(!(await host.title()).includes(visit.family));
  await findsNothing(host, 'the room before it is open');
  const link = await linkFrom(host);
  await photograph(host, 'visit-host');
  await host.getByRole('button', { name: 'Open the room' }).click();
  await host.locator('#stage').waitFor();

  await patient.goto(link);
  assert.equal(new URL(patient.url()).hash, '', 'the secret stands in no address and no history');
  await patient.getByLabel('Your birth date').fill('01-Jan-1901');
  await patient.getByRole('textbox', { name: 'Your record number' }).fill(visit.number);
  await patient.getByRole('button', { name: 'Go on' }).click();
  await patient.getByRole('alert').filter({ hasText: 'does not match' }).waitFor();
  await findsNothing(patient, 'who somebody is, with an error');
  await photograph(patient, 'visit-who');
  await enter(patient, visit);
  await patient.getByRole('button', { name: 'Try camera and microphone' }).click();
  await plays(patient, '#preview');
  await findsNothing(patient, 'camera and microphone');
  await photograph(patient, 'visit-check');
  await knock(patient);
  await findsNothing(patient, 'the waiting room');

  // Waiting survives a page that is loaded anew, without link or questions.
  await patient.reload();
  await patient.getByRole('heading', { name: 'The waiting room' }).waitFor();

  await host.getByRole('button', { name: 'Let in: The patient' }).click();
  await Promise.all([plays(host, '#tiles figure video'), plays(patient, '#tiles figure video')]);
  await host.getByText('Connected, encrypted between you.').waitFor();
  // As the organization asked: through its relay alone, so that neither sees the address of the other.
  for (const page of [host, patient]) await page.getByText(/^Network: through a relay, /).waitFor();
  for (const page of [host, patient]) assert.equal(await page.locator('#banner').isVisible(), false, await page.locator('#banner').innerText());
  // Both read the same words.
  await host.locator('#words').waitFor();
  await patient.locator('#words').waitFor();
  assert.equal(await host.locator('#sas').innerText(), await patient.locator('#sas').innerText());
  assert.match(await host.locator('#sas').innerText(), /^\S+ .+( · \S+ .+){6}$/);
  await findsNothing(host, 'a call of the clinician');
  await findsNothing(patient, 'a call of the patient');
  await photograph(host, 'visit-call-host');
  await photograph(patient, 'visit-call-patient');

  await patient.getByLabel('Message', { exact: true }).fill('Can you see my ankle?');
  await patient.getByRole('button', { name: 'Send', exact: true }).click();
  await host.getByText('Can you see my ankle?').waitFor();
  await host.getByRole('button', { name: 'They are the same' }).click();

  // Who left by mistake and opens the room again finds the patient where they were, and nobody is alarmed.
  await host.getByRole('button', { name: 'Leave', exact: true }).click();
  await host.getByRole('button', { name: 'Open the room' }).click();
  await Promise.all([plays(host, '#tiles figure video'), plays(patient, '#tiles figure video')]);
  for (const page of [host, patient]) assert.equal(await page.locator('#banner').isVisible(), false, await page.locator('#banner').innerText());

  await host.getByRole('button', { name: 'End for all' }).click();
  await patient.getByText('The visit is over.').waitFor();
  // The log has each step, without a name.
  const told = (await here.clinic.events('visit')).map((event) => JSON.stringify(event)).join('\n');
  for (const word of ['link Made', 'link CheckFailed', 'link Checked', 'Joined', 'Admitted', 'SasConfirmed', 'EndedForAll']) assert.ok(told.toLowerCase().includes(word.toLowerCase()), `${word}: ${told}`);
  assert.ok(!told.includes(visit.family) && !told.includes(visit.number), 'nobody is named in it');
  assert.deepEqual(host.complaints, []);
  assert.deepEqual(patient.complaints, []);
  await room.close();
  await home.close();
});

test('a link opens in one browser, closes when it is closed, and nobody else’s secret opens anything', async () => {
  const visit = await appointment(here);
  const room = await here.browser.profile();
  const host = await pageOf(room);
  await signIn(host, here.clinic, 'asha.rao');
  await host.goto(`/appointments/${visit.id}/visit`);
  const link = await linkFrom(host);
  const first = await here.browser.profile();
  const page = await pageOf(first);
  await page.goto(link);
  await page.getByLabel('Your birth date').waitFor();
  const second = await here.browser.profile();
  const other = await pageOf(second);
  await other.goto(link);
  await other.getByRole('alert').filter({ hasText: 'in use in another browser' }).waitFor();
  const third = await here.browser.profile();
  const guess = await pageOf(third);
  await guess.goto('/visit#AAAAAAAAAAAAAAAAAAAAAA');
  await guess.getByRole('alert').filter({ hasText: 'does not open a visit' }).waitFor();
  await host.getByRole('button', { name: /^Close the link: The patient/ }).click();
  await host.getByText('The patient, closed').waitFor();
  await page.reload();
  await page.getByRole('alert').filter({ hasText: 'does not open a visit' }).waitFor();
  for (const context of [room, first, second, third]) await context.close();
});

test('no line opens to a visit without a ticket, nor from another page', async () => {
  const visit = await appointment(here);
  const room = await here.browser.profile();
  const host = await pageOf(room);
  await signIn(host, here.clinic, 'asha.rao');
  await host.goto(`/appointments/${visit.id}/visit`);
  const ended = (path) => host.evaluate(async (path) => {
    const address = new URL(path, location.href);
    address.protocol = 'wss:';
    return new Promise((resolve) => {
      const socket = new WebSocket(address);
      const heard = [];
      socket.onopen = () => socket.send(JSON.stringify({ v: 1, seq: 1, type: 'hello', ticket: 'AAAAAAAAAAAAAAAAAAAAAA', keys: { sign: 'a', seal: 'b', commit: 'c' } }));
      socket.onmessage = ({ data }) => heard.push(JSON.parse(data));
      socket.onclose = () => resolve(heard);
    });
  }, path);
  assert.deepEqual(await ended(`/visits/${visit.id}/line`), [], 'no room is open');
  await host.getByRole('button', { name: 'Open the room' }).click();
  await host.locator('#stage').waitFor();
  const [refused] = await ended(`/visits/${visit.id}/line`);
  assert.deepEqual([refused.type, refused.code], ['error', 'ticket']);
  const answer = await here.clinic.ask('GET', `/visits/${visit.id}/line`, { headers: { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', origin: 'https://elsewhere.example' } });
  assert.equal(answer.status, 403);
  await room.close();
});
