// A visit by video as people have it: an appointment of the demo for now, links, doors, and whether a picture moves.

import assert from 'node:assert/strict';

import { pageOf } from './browser.js';
import { signIn } from './people.js';

/** A loaded machine may fall to sound alone first, and come back from it. */
const FRAME_MS_MAX = 120_000;

/** An appointment by video for now, of a patient of the demo's physician. */
export async function appointment(clinic) {
  const { api_token: token } = clinic;
  const ask = async (method, path, body) => JSON.parse((await clinic.ask(method, path, { headers: { authorization: `Bearer ${token}`, 'content-type': 'application/fhir+json' }, body: body && JSON.stringify(body) })).body);
  const found = await ask('GET', '/fhir/Appointment?_count=50&status=booked,arrived,checked-in,fulfilled');
  const of = (one, kind) => one.participant.map(({ actor }) => actor?.reference).find((reference) => reference?.startsWith(`${kind}/`));
  const everybody = await ask('GET', '/fhir/Practitioner?_count=50');
  const asha = everybody.entry.map(({ resource }) => resource).find(({ name }) => name?.[0]?.family === 'Rao');
  const theirs = found.entry.map(({ resource }) => resource).find((one) => of(one, 'Practitioner') === `Practitioner/${asha.id}` && of(one, 'Patient'));
  const patient = await ask('GET', `/fhir/${of(theirs, 'Patient')}`);
  const now = Date.now();
  const made = await ask('POST', '/fhir/Appointment', {
    resourceType: 'Appointment', status: 'booked', start: new Date(now).toISOString(), end: new Date(now + 20 * 60_000).toISOString(),
    serviceType: [{ coding: [{ system: 'http://snomed.info/sct', code: '448337001' }] }], description: 'Video visit',
    participant: [
      { actor: { reference: of(theirs, 'Patient') }, status: 'accepted' },
      { actor: { reference: `Practitioner/${asha.id}` }, status: 'accepted' },
    ],
  });
  const number = patient.identifier.find(({ type }) => type?.coding?.some(({ code }) => code === 'MR')).value;
  const search = (path) => ask('GET', `/fhir/${path}`).then(({ entry = [] }) => entry.map(({ resource }) => resource));
  return { id: made.id, birth: patient.birthDate, number, family: patient.name[0].family, patient: patient.id, search };
}

/** A picture that moves. */
export async function plays(page, selector) {
  const until = Date.now() + FRAME_MS_MAX;
  let first = null;
  while (Date.now() < until) {
    const seen = await page.evaluate((selector) => {
      const video = document.querySelector(selector);
      return video ? { width: video.videoWidth, at: video.currentTime } : null;
    }, selector);
    if (seen?.width > 0) {
      if (first === null) first = seen.at;
      else if (seen.at > first) return;
    }
    await page.waitForTimeout(200);
  }
  throw new Error(`no picture at ${selector} within ${FRAME_MS_MAX} ms: ${await page.locator('main').innerText()}`);
}

/** The clinician in the open room. */
export async function room(here, visit) {
  const context = await here.browser.profile({ acceptDownloads: true });
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'asha.rao');
  await page.goto(`/appointments/${visit.id}/visit`);
  await page.getByRole('button', { name: 'Open the room' }).click();
  await page.locator('#stage').waitFor();
  return page;
}

export async function linkFrom(host, purpose = 'patient', label = '') {
  await host.getByLabel('Who', { exact: true }).selectOption(purpose);
  await host.getByLabel('Name, as those in the room see it').fill(label);
  const before = await host.locator('#link').textContent();
  await host.getByRole('button', { name: 'Make a link' }).click();
  await host.waitForFunction((before) => document.getElementById('link').textContent !== before, before);
  return host.locator('#link').innerText();
}

/** Somebody comes by a link and knocks. */
export async function knock(here, link, visit, options = {}) {
  const context = await here.browser.profile({ acceptDownloads: true, ...options });
  const page = await pageOf(context);
  await page.goto(link);
  if (visit) {
    await page.getByLabel('Your birth date').fill(visit.birth);
    await page.getByLabel('Your record number').fill(visit.number);
    await page.getByRole('button', { name: 'Go on' }).click();
  }
  await page.getByRole('button', { name: 'Knock at the door' }).click();
  await page.getByRole('heading', { name: 'The waiting room' }).waitFor();
  return page;
}

export async function letIn(host, guest, label) {
  await host.getByRole('button', { name: `Let in: ${label}` }).click();
  await guest.locator('#stage').waitFor();
}

/** Clinician and patient, face to face. */
export async function call(here, options = {}) {
  const visit = await appointment(here.clinic);
  const host = await room(here, visit);
  const patient = await knock(here, await linkFrom(host), visit, options);
  await letIn(host, patient, 'The patient');
  await Promise.all([plays(host, '#tiles figure video'), plays(patient, '#tiles figure video')]);
  return { visit, host, patient };
}

export function complained(page) { return page.complaints.filter((said) => !said.includes('400')); }

export function quiet(...pages) { for (const page of pages) assert.deepEqual(complained(page), []); }
