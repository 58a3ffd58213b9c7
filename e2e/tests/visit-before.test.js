// Before the call: from the link to the waiting room, by every way in, and what the clinician sees of it.

import assert from 'node:assert/strict';
import test from 'node:test';

import { findsNothing } from '../support/axe.js';
import { pageOf, photograph } from '../support/browser.js';
import { house } from '../support/house.js';
import { signIn } from '../support/people.js';
import { fits, isLightAndStill, isSeenInFocus } from '../support/screen.js';
import { agree, appointment, enter, identify, knock, later, linkFrom } from '../support/visit.js';

const here = house({ patients: 6, media: true, relayOnly: true });
const integration = () => ({ authorization: `Bearer ${here.clinic.api_token}`, 'content-type': 'application/fhir+json' });

/** The patient was at the clinic on a morning of three weeks ago. */
async function seen(visit) {
  const held = JSON.parse((await here.clinic.ask('GET', `/fhir/Appointment/${visit.id}`, { headers: integration() })).body);
  const day = new Date(Date.now() - 21 * 86_400_000);
  day.setUTCHours(16, 0, 0, 0);
  const body = JSON.stringify({
    resourceType: 'Appointment', status: 'fulfilled', participant: held.participant,
    start: day.toISOString(), end: new Date(day.getTime() + 1_200_000).toISOString(),
  });
  const made = await here.clinic.ask('POST', '/fhir/Appointment', { headers: integration(), body });
  assert.equal(made.status, 201, made.body);
}

async function room(visit) {
  const context = await here.browser.profile();
  const host = await pageOf(context);
  await signIn(host, here.clinic, 'asha.rao');
  await host.goto(`/appointments/${visit.id}/visit`);
  return { context, host };
}

/** On screens of every width, in both schemes, and by keyboard. */
async function isFitForPeople(page, name) {
  await findsNothing(page, name);
  await fits(page, name);
  await isSeenInFocus(page, name);
}

test('a patient says who they are by a recent appointment, agrees in Spanish, tries everything, and the clinician sees it', async () => {
  const visit = await appointment(here);
  await seen(visit);
  const { context, host } = await room(visit);
  await host.locator('#about-none').waitFor();
  const link = await linkFrom(host);
  const home = await here.browser.profile();
  const guest = await pageOf(home);
  await isLightAndStill(guest, link.replace(here.clinic.base_url, ''));
  await guest.getByLabel('A day on which I had an appointment').check();
  const days = guest.locator('#days input');
  assert.equal(await days.count(), 8);
  assert.equal(await guest.getByLabel('A code that the clinic sends me').isVisible(), false, 'nothing is set up to send with');
  const words = await guest.locator('#days').innerText();
  await isFitForPeople(guest, 'who somebody is, by a day');
  await photograph(guest, 'visit-who-day');
  await guest.reload();
  await guest.getByLabel('A day on which I had an appointment').check();
  assert.equal(await guest.locator('#days').innerText(), words, 'loading the page anew tells nothing new');
  // Of the eight days the one of the clinic's record; which it is the page does not know.
  const day = new Intl.DateTimeFormat('en-GB', { timeZone: 'America/Phoenix', weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
  const right = await (async () => {
    const found = JSON.parse((await here.clinic.ask('GET', `/fhir/Appointment?patient=${await patientOf(visit)}&status=fulfilled,arrived,checked-in&_count=50`, { headers: integration() })).body);
    const theirs = found.entry.map(({ resource }) => day.format(new Date(resource.start)).replace(' ', ', ').replace(',,', ','));
    const labels = await guest.locator('#days label').allInnerTexts();
    return labels.find((label) => theirs.some((one) => label.startsWith(one)));
  })();
  assert.ok(right, `one of the days is in the record: ${words}`);
  await guest.getByLabel('Your birth date').fill(visit.birth);
  await guest.getByLabel(right).check();
  await guest.getByRole('button', { name: 'Go on' }).click();

  await guest.getByRole('heading', { name: 'A visit by video' }).waitFor();
  await isFitForPeople(guest, 'agreeing in English');
  await guest.getByLabel('Language').selectOption('es');
  await guest.getByRole('heading', { name: 'Una consulta por video' }).waitFor();
  await isFitForPeople(guest, 'agreeing in Spanish');
  await photograph(guest, 'visit-agree-es');
  await guest.getByRole('button', { name: 'Aceptar y continuar' }).click();
  await guest.getByRole('alert').filter({ hasText: 'agreement' }).waitFor();
  await guest.getByLabel('He leído esto').check();
  await guest.getByLabel('Estado').selectOption('TX');
  await guest.getByLabel('Dirección').fill('12 Larch Lane, El Paso');
  await guest.getByLabel('Nombre de su contacto').fill('Tom Adeyemi');
  await guest.getByLabel('Su número de teléfono').fill('915-555-0199');
  await guest.getByLabel('Si lo desea').fill('Me duele el tobillo.');
  await guest.getByRole('button', { name: 'Aceptar y continuar' }).click();
  await later(guest);

  await guest.getByRole('heading', { name: 'Camera, sound and network' }).waitFor();
  await guest.getByRole('button', { name: 'Try camera and microphone' }).click();
  await guest.getByText('Camera: on. Microphone: heard.').waitFor();
  await guest.getByText(/^Network: through the relay, \d+ ms\.$/).waitFor();
  await guest.getByRole('button', { name: 'Play a tone' }).click();
  await guest.getByRole('button', { name: 'I heard nothing' }).click();
  await guest.getByText(/^Sound: Turn the sound of this computer up/).waitFor();
  await guest.getByRole('button', { name: 'Play the tone again' }).click();
  await guest.getByRole('button', { name: 'I heard it' }).click();
  await guest.getByText('Sound: you heard the tone.').waitFor();
  await isFitForPeople(guest, 'camera, sound and network');
  await photograph(guest, 'visit-devices');

  await host.getByRole('button', { name: 'Open the room' }).click();
  await host.locator('#stage').waitFor();
  await knock(guest);
  // It is drawn anew when somebody comes.
  const about = host.locator('#about');
  await about.getByText(/link of this visit, birth date, recent appointment/).waitFor();
  const told = await about.innerText();
  for (const part of ['in Spanish, text 1', '12 Larch Lane, El Paso', 'TX, US', '911', 'Tom Adeyemi', '915-555-0199', 'Me duele el tobillo.', 'No licence for TX is on record.']) assert.ok(told.includes(part), `${part}: ${told}`);
  await findsNothing(host, 'the room with what is known');
  await fits(host, 'the room with what is known');
  await photograph(host, 'visit-about');

  const log = (await here.clinic.events('visit')).map((event) => JSON.stringify(event)).join('\n');
  for (const word of ['link Checked', 'link Agreed { version: 1, language: Es }', 'link RelayTried']) assert.ok(log.includes(word), `${word}: ${log}`);
  for (const word of ['Larch', 'tobillo', 'Tom Adeyemi', visit.family]) assert.ok(!log.includes(word) && !here.clinic.log.includes(word), `${word} is in no log`);
  assert.deepEqual(host.complaints, []);
  assert.deepEqual(guest.complaints, []);
  await context.close();
  await home.close();
});

test('the clinician tries camera, sound and network on their own page', async () => {
  const visit = await appointment(here);
  const { context, host } = await room(visit);
  await isLightAndStill(host, `/appointments/${visit.id}/visit`);
  await host.getByText('Try camera, sound and network first').click();
  await host.getByRole('button', { name: 'Try camera and microphone' }).click();
  await host.getByText(/^Network: through the relay, \d+ ms\.$/).waitFor();
  await host.getByText(/Microphone: heard\./).waitFor();
  await findsNothing(host, 'the check of the clinician');
  assert.deepEqual(host.complaints, []);
  await context.close();
});

test('an interpreter is asked nothing, and who may not use the microphone is told where to allow it', async () => {
  const visit = await appointment(here);
  const { context, host } = await room(visit);
  await host.getByLabel('Name, as those in the room see it').fill('Ines');
  const link = await linkFrom(host, 'interpreter');
  const home = await here.browser.profile();
  const guest = await pageOf(home);
  await guest.addInitScript(() => {
    navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('no', 'NotAllowedError'); };
  });
  await enter(guest, visit, link, { agrees: false });
  await guest.getByRole('button', { name: 'Try camera and microphone' }).click();
  await guest.getByRole('alert').filter({ hasText: 'Press the sign beside the address' }).waitFor();
  await context.close();
  await home.close();
});

test('a patient who is signed in enters their visit from their account, without a link', async () => {
  const me = here.clinic.user('patient');
  const visit = await appointment(here, { patient: me.patient.split('/')[1] });
  const { context, host } = await room(visit);
  const home = await here.browser.profile();
  const guest = await pageOf(home);
  await signIn(guest, here.clinic, 'patient');
  await guest.goto('/me');
  await isFitForPeople(guest, 'the account with a visit');
  await guest.getByRole('button', { name: /^Enter the visit of/ }).last().click();
  await guest.getByRole('heading', { name: 'A visit by video' }).waitFor();
  await agree(guest);
  await guest.getByRole('button', { name: 'Knock at the door' }).waitFor();
  await host.getByRole('button', { name: 'Open the room' }).click();
  await host.locator('#stage').waitFor();
  await knock(guest);
  await host.locator('#about').getByText(/signed in to their account/).waitFor();
  await host.getByRole('button', { name: 'Let in: The patient' }).click();
  await host.getByText('Connected, encrypted between you.').waitFor();
  assert.deepEqual(guest.complaints, []);
  await context.close();
  await home.close();
});

async function patientOf(visit) {
  const held = JSON.parse((await here.clinic.ask('GET', `/fhir/Appointment/${visit.id}`, { headers: integration() })).body);
  return held.participant.map(({ actor }) => actor.reference).find((one) => one.startsWith('Patient/')).split('/')[1];
}
