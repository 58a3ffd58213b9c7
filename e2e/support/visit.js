// What tests of visits share: an appointment for now, links into it, and the way of a guest to the waiting room.

import assert from 'node:assert/strict';

const FRAME_MS_MAX = 15_000;

/** The appointment of a patient of today, or of the one named, made for now by the clinic's program. */
export async function appointment(here, patientId) {
  const { api_token: token, users } = here.clinic;
  const ask = async (method, path, body) => JSON.parse((await here.clinic.ask(method, path, { headers: { authorization: `Bearer ${token}`, 'content-type': 'application/fhir+json' }, body: body && JSON.stringify(body) })).body);
  const found = await ask('GET', '/fhir/Appointment?_count=50&status=booked,arrived,checked-in,fulfilled');
  const physician = users.find((one) => one.username === 'asha.rao');
  const of = (one, kind) => one.participant.map(({ actor }) => actor?.reference).find((reference) => reference?.startsWith(`${kind}/`));
  const mine = await ask('GET', '/fhir/Practitioner?_count=50');
  const asha = mine.entry.map(({ resource }) => resource).find(({ name }) => name?.[0]?.family === 'Rao');
  assert.ok(physician && asha, 'the demo has its physician');
  const theirs = found.entry.map(({ resource }) => resource).find((one) => of(one, 'Practitioner') === `Practitioner/${asha.id}` && of(one, 'Patient'));
  const reference = patientId ? `Patient/${patientId}` : of(theirs, 'Patient');
  const patient = await ask('GET', `/fhir/${reference}`);
  const now = Date.now();
  const made = await ask('POST', '/fhir/Appointment', {
    resourceType: 'Appointment', status: 'booked', start: new Date(now).toISOString(), end: new Date(now + 20 * 60_000).toISOString(),
    serviceType: [{ coding: [{ system: 'http://snomed.info/sct', code: '448337001' }] }], description: 'Video visit',
    participant: [
      { actor: { reference }, status: 'accepted' },
      { actor: { reference: `Practitioner/${asha.id}` }, status: 'accepted' },
    ],
  });
  const number = patient.identifier.find(({ type }) => type?.coding?.some(({ code }) => code === 'MR')).value;
  return { id: made.id, birth: patient.birthDate, number, family: patient.name[0].family, email: patient.telecom?.find(({ system }) => system === 'email')?.value };
}

const frames = (page, selector) => page.evaluate(async (selector) => {
  const video = document.querySelector(selector);
  return video ? { width: video.videoWidth, at: video.currentTime } : null;
}, selector);

/** The picture moves. */
export async function plays(page, selector) {
  const until = Date.now() + FRAME_MS_MAX;
  let first = null;
  while (Date.now() < until) {
    const seen = await frames(page, selector);
    if (seen?.width > 0) {
      if (first === null) first = seen.at;
      else if (seen.at > first) return seen;
    }
    await page.waitForTimeout(200);
  }
  throw new Error(`no picture at ${selector} within ${FRAME_MS_MAX} ms: ${await page.locator('body').innerText()}`);
}

/** On the page of the clinician. */
export async function linkFrom(host, purpose = 'patient') {
  await host.getByLabel('Who', { exact: true }).selectOption(purpose);
  await host.getByRole('button', { name: 'Make a link' }).click();
  await host.locator('#made').waitFor();
  return host.locator('#link').innerText();
}

/** Who comes says who they are, as the clinic has it on file. */
export async function identify(guest, visit) {
  await guest.getByLabel('Your birth date').fill(visit.birth);
  await guest.getByRole('textbox', { name: 'Your record number' }).fill(visit.number);
  await guest.getByRole('button', { name: 'Go on' }).click();
}

/** And agrees to the visit, and says where they are. */
export async function agree(guest) {
  await guest.getByLabel('I have read this and agree').check();
  await guest.getByLabel('State').selectOption('AZ');
  await guest.getByLabel('Address, with the floor or the room').fill('12 Larch Lane, Phoenix');
  await guest.getByLabel('Name of your emergency contact').fill('Tom Adeyemi');
  await guest.getByLabel('Their telephone number').fill('602-555-0199');
  await guest.getByRole('button', { name: 'Agree and go on' }).click();
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
