// What tests of visits share: an appointment for now, links into it, and the way of a guest to the waiting room.

import assert from 'node:assert/strict';

import { pageOf } from './browser.js';
import { signIn } from './people.js';
import { until } from './wait.js';

/** A loaded machine may fall to sound alone first, and come back from it. */
const FRAME_MS_MAX = 120_000;

/** The appointment of a patient of today, or of the one named, made for now by the clinic's program. `words`: what it is for. */
export async function appointment(here, { patient: wanted = null, startedMinutesAgo = 0, words = 'Video visit' } = {}) {
  const { api_token: token, users } = here.clinic;
  const ask = async (method, path, body) => JSON.parse((await here.clinic.ask(method, path, { headers: { authorization: `Bearer ${token}`, 'content-type': 'application/fhir+json' }, body: body && JSON.stringify(body) })).body);
  const found = await ask('GET', '/fhir/Appointment?_count=50&status=booked,arrived,checked-in,fulfilled');
  const physician = users.find((one) => one.username === 'asha.rao');
  const of = (one, kind) => one.participant.map(({ actor }) => actor?.reference).find((reference) => reference?.startsWith(`${kind}/`));
  const mine = await ask('GET', '/fhir/Practitioner?_count=50');
  const asha = mine.entry.map(({ resource }) => resource).find(({ name }) => name?.[0]?.family === 'Rao');
  assert.ok(physician && asha, 'the demo has its physician');
  const theirs = found.entry.map(({ resource }) => resource).find((one) => of(one, 'Practitioner') === `Practitioner/${asha.id}` && of(one, 'Patient'));
  const reference = wanted ? `Patient/${wanted}` : of(theirs, 'Patient');
  const patient = await ask('GET', `/fhir/${reference}`);
  const now = Date.now() - startedMinutesAgo * 60_000;
  const made = await ask('POST', '/fhir/Appointment', {
    resourceType: 'Appointment', status: 'booked', start: new Date(now).toISOString(), end: new Date(now + 20 * 60_000).toISOString(),
    serviceType: [{ coding: [{ system: 'http://snomed.info/sct', code: '448337001' }] }], description: words,
    participant: [
      { actor: { reference }, status: 'accepted' },
      { actor: { reference: `Practitioner/${asha.id}` }, status: 'accepted' },
    ],
  });
  const number = patient.identifier.find(({ type }) => type?.coding?.some(({ code }) => code === 'MR')).value;
  const search = (path) => ask('GET', `/fhir/${path}`).then(({ entry = [] }) => entry.map(({ resource }) => resource));
  const email = patient.telecom?.find(({ system }) => system === 'email')?.value;
  return { id: made.id, birth: patient.birthDate, number, family: patient.name[0].family, patient: patient.id, email, search };
}

const frames = (page, selector) => page.evaluate(async (selector) => {
  const video = document.querySelector(selector);
  return video ? { width: video.videoWidth, at: video.currentTime } : null;
}, selector);

/** The picture moves. */
export async function plays(page, selector) {
  let first = null;
  return until(`a picture moves at ${selector}`, async () => {
    const seen = await frames(page, selector);
    if (!seen?.width) return null;
    first ??= seen.at;
    return seen.at > first && seen;
  }, FRAME_MS_MAX, () => page.locator('body').innerText());
}

/** On the page of the clinician. */
export async function linkFrom(host, purpose = 'patient', label = '') {
  await host.getByLabel('Who', { exact: true }).selectOption(purpose);
  await host.getByLabel('Name, as those in the room see it').fill(label);
  const before = await host.locator('#link').textContent();
  await host.getByRole('button', { name: 'Make a link' }).click();
  await host.waitForFunction((before) => document.getElementById('link').textContent !== before, before);
  return host.locator('#link').innerText();
}

/** Who comes says who they are, as the clinic has it on file. */
export async function identify(guest, visit) {
  await guest.getByLabel('Your birth date').fill(visit.birth);
  await guest.getByRole('textbox', { name: 'Your record number' }).fill(visit.number);
  await guest.getByRole('button', { name: 'Go on' }).click();
}

/** Who was asked to fill in forms does it later. */
export async function later(guest) {
  const forms = guest.getByRole('button', { name: 'Later, or in the visit' });
  const start = guest.getByRole('button', { name: 'Knock at the door' });
  await forms.or(start).first().waitFor();
  if (await forms.isVisible()) await forms.click();
}

/** And agrees to the visit, and says where they are; `fills`: forms come next. */
export async function agree(guest, { fills = false } = {}) {
  await guest.getByLabel('I have read this and agree').check();
  await guest.getByLabel('State').selectOption('AZ');
  await guest.getByLabel('Address, with the floor or the room').fill('12 Larch Lane, Phoenix');
  await guest.getByLabel('Name of your emergency contact').fill('Tom Adeyemi');
  await guest.getByLabel('Their telephone number').fill('602-555-0199');
  await guest.getByRole('button', { name: 'Agree and go on' }).click();
  if (!fills) await later(guest);
}

/** From the link to camera and microphone; `agrees`: a patient, or who stands for one. */
export async function enter(guest, visit, link, { agrees = true } = {}) {
  if (link) await guest.goto(link);
  if (agrees) {
    await identify(guest, visit);
    await agree(guest);
  }
  await guest.getByRole('button', { name: 'Knock at the door' }).waitFor();
}

export async function knock(guest) {
  await guest.getByRole('button', { name: 'Knock at the door' }).click();
  await guest.getByRole('heading', { name: 'The waiting room' }).waitFor();
}

/** The clinician in the open room. */
export async function room(here, visit) {
  const page = await pageOf(await here.browser.profile({ acceptDownloads: true }));
  await signIn(page, here.clinic, 'asha.rao');
  await page.goto(`/appointments/${visit.id}/visit`);
  await page.getByRole('button', { name: 'Open the room' }).click();
  await page.locator('#stage').waitFor();
  return page;
}

/** Somebody comes by a link and knocks; who is asked about the patient says it. */
export async function come(here, link, visit, options = {}) {
  const page = await pageOf(await here.browser.profile({ acceptDownloads: true, ...options }));
  if (visit) await enter(page, visit, link);
  else await page.goto(link);
  await knock(page);
  return page;
}

export async function letIn(host, guest, label) {
  await host.getByRole('button', { name: `Let in: ${label}` }).click();
  await guest.locator('#stage').waitFor();
}

/** Clinician and patient, face to face. */
export async function call(here, options = {}) {
  const visit = await appointment(here);
  const host = await room(here, visit);
  const patient = await come(here, await linkFrom(host), visit, options);
  await letIn(host, patient, 'The patient');
  await Promise.all([plays(host, '#tiles figure video'), plays(patient, '#tiles figure video')]);
  return { visit, host, patient };
}

export function quiet(...pages) { for (const page of pages) assert.deepEqual(page.complaints, []); }
