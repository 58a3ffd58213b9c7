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
