// What goes out about a visit: the whole server, a mail server over TLS, and an agreement with whoever runs that, or none.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { after } from 'node:test';

import { findsNothing } from '../support/axe.js';
import { pageOf } from '../support/browser.js';
import { house } from '../support/house.js';
import { MailServer } from '../support/mail.js';
import { signIn } from '../support/people.js';
import { agree, appointment } from '../support/visit.js';
import { until } from '../support/wait.js';

const VENDOR = 'Courier Mail, Inc.';
const mail = await MailServer.start();
after(() => mail.stop());
const here = house({ patients: 6, media: true, outward: (data) => mail.endpoints(data, VENDOR) });

async function invite(host) {
  await host.getByLabel('Who', { exact: true }).selectOption('patient');
  await host.getByLabel('How they get it').selectOption('email');
  await host.getByRole('button', { name: 'Make a link' }).click();
  await host.locator('#made').waitFor();
}

test('nothing goes out without an agreement; with one the patient gets link, calendar file and code, and comes in by them', async () => {
  const visit = await appointment(here);
  const context = await here.browser.profile();
  const host = await pageOf(context);
  await signIn(host, here.clinic, 'asha.rao');
  await host.goto(`/appointments/${visit.id}/visit`);
  await invite(host);
  await host.getByText('no agreement with who would send it is in force').waitFor();
  const handed = await host.locator('#link').innerText();

  // A code is refused as calmly, and does not count.
  const home = await here.browser.profile();
  const guest = await pageOf(home);
  await guest.goto(handed);
  await guest.getByLabel('A code that the clinic sends me').check();
  await guest.getByRole('button', { name: 'Send a code to the e-mail address on file' }).click();
  await guest.getByRole('alert').filter({ hasText: 'cannot send a code now' }).waitFor();
  assert.deepEqual(mail.messages, [], 'the vendor has heard nothing');

  const document = join(here.clinic.folder, 'agreement.pdf');
  await writeFile(document, '%PDF-1.7 signed');
  const [from, to] = [-30, 300].map((days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10));
  await here.clinic.command('privacy_officer', 'baa', 'add', VENDOR, '--service', 'email', '--signed', from, '--expires', to, '--document', document, '--words', 'as the board decided');

  await invite(host);
  await host.getByText('It is on its way to the address on file.').waitFor();
  const link = await host.locator('#link').innerText();
  const letter = await mail.message((message) => message.includes('invites you to a video visit'));
  assert.ok(letter.includes(`#k=${new URL(link).hash.slice(1)}`), 'the link is in the letter');
  assert.match(letter, /Content-Type: text\/calendar; charset=utf-8; method=PUBLISH/);
  const file = letter.slice(letter.indexOf('BEGIN:VCALENDAR'), letter.indexOf('END:VCALENDAR'));
  assert.match(file, /\r\nSUMMARY:Appointment with /);
  assert.match(file, /\r\nDTSTART:\d{8}T\d{6}Z\r\n/);
  assert.ok(!file.includes('#'), 'the link is not in the calendar');
  for (const word of [visit.family, visit.number, visit.birth, 'Rao', 'Video']) assert.ok(!file.includes(word), `${word} is not in the calendar`);
  assert.ok(!letter.includes(visit.family + ',') && !letter.includes(visit.number), 'nor in the letter');

  const code = async () => {
    await guest.getByRole('button', { name: 'Send a code to the e-mail address on file' }).click();
    await guest.getByText('A code is on its way to the e-mail address on file. It works for ten minutes.').waitFor();
  };
  await code();
  const sent = await mail.message((message) => message.includes('is your code for'));
  const [digits] = sent.match(/\b\d{6}\b(?= is your code)/);
  assert.ok(!sent.includes('visit#') && !sent.includes(visit.family) && !sent.includes('text/calendar'), sent);
  await findsNothing(guest, 'a code');
  await guest.getByLabel('Your birth date').fill(visit.birth);
  await guest.getByLabel('The code, six digits').fill(digits === '000000' ? '000001' : '000000');
  await guest.getByRole('button', { name: 'Go on' }).click();
  await guest.getByRole('alert').filter({ hasText: 'does not match' }).waitFor();
  await guest.getByLabel('The code, six digits').fill(digits);
  await guest.getByRole('button', { name: 'Go on' }).click();
  await agree(guest);
  await guest.getByRole('button', { name: 'Knock at the door' }).waitFor();
  await host.reload();
  await host.locator('#about').getByText(/code sent to the e-mail address on file/).waitFor();
  // No address, code or link is in a log, of the server or of audit.
  const told = JSON.stringify(await here.clinic.events('visit')) + here.clinic.log;
  assert.ok(told.includes('link CodeSent'));
  for (const secret of [digits, new URL(link).hash.slice(1), visit.email]) assert.ok(secret && !told.includes(secret), 'secrets stay out of logs');
  await context.close();
  await home.close();
});

/** The front desk moves it to the first time that is free a week later. */
async function move(desk, visit) {
  const day = new Date(Date.now() + 7 * 86_400_000).toISOString().slice(0, 10);
  const [{ participant }] = await visit.search(`Appointment?_id=${visit.id}`);
  const practitioner = participant.map(({ actor }) => actor.reference).find((reference) => reference.startsWith('Practitioner/')).split('/')[1];
  await desk.goto(`/schedule?move=${visit.id}&who=${practitioner}&day=${day}`);
  await desk.getByRole('link', { name: /^Move here/ }).first().click();
  await desk.getByRole('button', { name: /^Move/ }).click();
}

test('who was sent a link is written to when the front desk moves the visit, and when it is cancelled', async () => {
  const visit = await appointment(here);
  const context = await here.browser.profile();
  const host = await pageOf(context);
  await signIn(host, here.clinic, 'asha.rao');
  await host.goto(`/appointments/${visit.id}/visit`);
  await invite(host);
  await host.getByText('It is on its way to the address on file.').waitFor();
  const link = await host.locator('#link').innerText();
  const invited = await mail.message((message) => message.includes(`#k=${new URL(link).hash.slice(1)}`));
  const uid = /\r\nUID:(\S+)/.exec(invited)[1];
  const count = mail.messages.length;

  const place = await here.browser.profile();
  const desk = await pageOf(place);
  await signIn(desk, here.clinic, 'front_desk');
  await move(desk, visit);
  await desk.getByText(/^Moved: .*A message about it is on its way to who was sent a link\.$/).waitFor();
  await findsNothing(desk, 'a visit moved');
  const moved = await mail.message((message) => message.includes('Your video visit with') && message.includes(uid));
  const sequence = (letter) => Number(/\r\nSEQUENCE:(\d+)\r\n/.exec(letter)[1]);
  assert.ok(sequence(moved) > sequence(invited), 'a newer version of the entry');
  assert.match(moved, /The link that you have opens it then\./);
  assert.ok(!moved.includes('#k='), 'nobody kept the link');
  const [{ start }] = await visit.search(`Appointment?_id=${visit.id}`);
  assert.ok(moved.includes(`DTSTART:${new Date(start).toISOString().replace(/[-:]|\.000/g, '')}`), 'the new time');

  await desk.goto(`/appointments/${visit.id}/cancel?who=all`);
  await desk.locator('[name="reason"]').selectOption('pat');
  await desk.getByRole('button', { name: /^Cancel the appointment/ }).click();
  await desk.getByText(/^Cancelled: .*A message about it is on its way to who was sent a link\.$/).waitFor();
  const cancelled = await mail.message((message) => message.includes('has cancelled your video visit'));
  assert.ok(sequence(cancelled) > sequence(moved));
  assert.match(cancelled, /METHOD:CANCEL/);
  assert.ok(cancelled.includes(uid), 'of the same entry in the calendar');
  assert.equal(mail.messages.length, count + 2, 'one letter each');
  for (const letter of [moved, cancelled]) {
    for (const word of [visit.family, visit.number, visit.birth, 'Rao']) assert.ok(!letter.includes(word), `${word} is in no letter`);
  }
  const guest = await pageOf(await here.browser.profile());
  await guest.goto(link);
  await guest.getByText('does not open a visit').waitFor();
  await Promise.all([context.close(), place.close(), guest.context().close()]);
});

test('a letter that still waits is withdrawn when the visit moves, and who never got a link is to be told', async () => {
  const visit = await appointment(here);
  const [context, place] = [await here.browser.profile(), await here.browser.profile()];
  const [host, desk] = [await pageOf(context), await pageOf(place)];
  await signIn(host, here.clinic, 'asha.rao');
  await signIn(desk, here.clinic, 'front_desk');
  await host.goto(`/appointments/${visit.id}/visit`);
  mail.isBusy = true;
  await invite(host);
  await host.getByText('It is on its way to the address on file.').waitFor();
  await until('the mail server was asked and is busy', async () => {
    await host.reload();
    const said = host.locator('#links').getByText('message');
    await said.waitFor();
    return /message failed/.test(await said.innerText());
  }, 30_000);
  const count = mail.messages.length;
  await move(desk, visit);
  await desk.getByText(/^Moved: .*Nobody was written to: tell who has a link, or waits for one\.$/).waitFor();
  mail.isBusy = false;
  await host.reload();
  await host.locator('#links').getByText('message given up').waitFor();
  assert.equal(mail.messages.length, count, 'neither the old time nor a time without a link went out');
  await Promise.all([context.close(), place.close()]);
});
