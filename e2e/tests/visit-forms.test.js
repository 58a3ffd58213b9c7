// Forms before a visit: a patient comes by a link, fills in what was asked for by keyboard, with scripts and without, and the clinician sees it
// beside the room at once and reads it.

import assert from 'node:assert/strict';
import test from 'node:test';

import { findsNothing } from '../support/axe.js';
import { pageOf, photograph } from '../support/browser.js';
import { reach } from '../support/chart.js';
import { house } from '../support/house.js';
import { signIn } from '../support/people.js';
import { fits, isLightAndStill, isSeenInFocus, saysNothing } from '../support/screen.js';
import { agree, appointment, identify, knock, linkFrom, quiet, room } from '../support/visit.js';
import { until } from '../support/wait.js';

const here = house({ patients: 6, media: true, relayOnly: true });
const HEALTH = 'Health questionnaire';
const MEDICINES = 'Medicines and allergies';

/** A patient who was asked for both forms and has sent neither. */
async function askedTwice() {
  const headers = { authorization: `Bearer ${here.clinic.api_token}` };
  const code = encodeURIComponent('http://hl7.org/fhir/uv/sdc/CodeSystem/temp|complete-questionnaire');
  const { entry } = JSON.parse((await here.clinic.ask('GET', `/fhir/Task?code=${code}&status=requested&_count=50`, { headers })).body);
  const whose = entry.map(({ resource }) => resource.for.reference.split('/')[1]);
  const id = whose.find((one, at) => whose.indexOf(one) !== at);
  assert.ok(id, 'somebody of the demo has two forms to fill in');
  return id;
}

/** On screens of every width, in both schemes, and by keyboard. */
async function isFitForPeople(page, name) {
  await findsNothing(page, name);
  await fits(page, name);
  await isSeenInFocus(page, name);
}

/** The server has it: it stands in the page that would be loaded now. */
async function isKept(page, words) {
  await until(`${words} is kept`, async () => (await page.evaluate(async () => (await fetch(location.href)).text())).includes(words));
}

const responses = (visit) => visit.search(`QuestionnaireResponse?subject=Patient/${visit.patient}&_count=20`);

test('a patient fills in the forms of a visit by keyboard, with scripts and without, and the clinician sees it live', async () => {
  const visit = await appointment(here, { patient: await askedTwice() });
  const host = await room(here, visit);
  const about = host.locator('#about');
  await about.getByText('Nothing is known yet').waitFor();
  const link = await linkFrom(host);

  const home = await here.browser.profile();
  const guest = await pageOf(home);
  await guest.goto(link);
  await identify(guest, visit);
  await agree(guest, { fills: true });
  await guest.getByText('The clinic asks you to fill in 2 forms.').waitFor();
  await isFitForPeople(guest, 'forms on the way in');
  await reach(guest, guest.getByRole('link', { name: 'Fill in', exact: true }));
  await guest.keyboard.press('Enter');
  await guest.getByRole('heading', { name: 'Forms before your visit' }).waitFor();
  await isFitForPeople(guest, 'the forms');
  await photograph(guest, 'visit-forms');

  // The first form: an error, what was typed is still there, and what is asked follows what was answered.
  await reach(guest, guest.getByRole('link', { name: `Fill it in ${HEALTH}` }));
  await guest.keyboard.press('Enter');
  await guest.getByRole('heading', { name: HEALTH }).waitFor();
  const form = new URL(guest.url()).pathname;
  const response = await isLightAndStill(guest, form);
  saysNothing(response, await guest.title(), [visit.family, visit.number, HEALTH]);
  await isFitForPeople(guest, 'a form');
  await guest.getByText('A photograph, if there is something to see: the clinic asks this in the visit.').waitFor();
  const what = guest.getByLabel('What has changed?');
  const where = guest.getByLabel('Where does it hurt?');
  assert.ok(!await what.isVisible() && !await where.isVisible(), 'what is not asked is not seen');
  await reach(guest, guest.getByRole('group', { name: /Has anything about your health changed/ }).getByLabel('Yes'));
  await guest.keyboard.press('Space');
  await what.waitFor();
  await reach(guest, what);
  await guest.keyboard.type('I sleep badly.');
  await reach(guest, guest.getByLabel(/How strong is your pain/));
  await guest.keyboard.type('eleven');
  await reach(guest, guest.getByRole('button', { name: 'Send to the clinic' }));
  await guest.keyboard.press('Enter');
  const wrong = guest.getByRole('alert').filter({ hasText: 'Nothing was sent yet' });
  await wrong.waitFor();
  await guest.waitForFunction(() => document.activeElement?.id === 'wrong');
  assert.equal(await what.inputValue(), 'I sleep badly.');
  await isFitForPeople(guest, 'a form with an error');
  await photograph(guest, 'visit-form-wrong');
  await wrong.getByRole('link', { name: /How strong is your pain/ }).focus();
  await guest.keyboard.press('Enter');
  const pain = guest.getByLabel(/How strong is your pain/);
  await guest.waitForFunction(() => document.activeElement?.getAttribute('aria-invalid') === 'true');
  await pain.fill('3');
  await where.waitFor();
  // Enter in a line sends nothing: the page stays, and the form with it.
  await pain.press('Enter');
  await guest.getByText(/What you typed was kept at/).waitFor();
  assert.equal(new URL(guest.url()).pathname, form);
  await where.fill('Left knee <b>');
  await guest.getByText(/What you typed was kept at/).waitFor();
  await isKept(guest, 'Left knee &#60;b&#62;');
  // Loaded anew, nothing is lost.
  await guest.reload();
  assert.equal(await where.inputValue(), 'Left knee <b>');
  assert.equal(await pain.inputValue(), '3');
  await guest.getByRole('button', { name: 'Send to the clinic' }).click();
  await guest.getByText('Sent. Your clinician has your answers.').waitFor();

  // Beside the room, at once: nobody has knocked.
  const sent = about.getByRole('link', { name: new RegExp(`^${HEALTH}: sent`) });
  await sent.waitFor();
  await about.getByText(`${MEDICINES}: not sent yet`).waitFor();
  await findsNothing(host, 'the room with forms');
  await fits(host, 'the room with forms');

  // The second without scripts: the same cookie in a browser that runs none.
  const plain = await here.browser.profile({ javaScriptEnabled: false });
  await plain.addCookies(await home.cookies());
  const still = await pageOf(plain);
  await still.goto('/visit/forms');
  await still.getByRole('link', { name: `Fill it in ${MEDICINES}` }).click();
  await still.getByLabel('When did you last refill').fill('14-Oct-2026');
  await still.getByLabel('When did you last refill').press('Enter');
  await still.getByText(/What you typed was kept at/).waitFor();
  assert.equal(await still.getByLabel('When did you last refill').inputValue(), '14-Oct-2026', 'kept, and not sent');
  await still.getByLabel('Most of the time').check();
  await still.getByRole('group', { name: /make you ill/ }).getByLabel('No', { exact: true }).check();
  await still.getByRole('button', { name: 'Send to the clinic' }).click();
  await still.getByText('Your answers bring more questions.').waitFor();
  await still.getByLabel('I forget them').check();
  await still.getByLabel('Something else').check();
  await still.getByLabel('What else').fill('The cat hides them');
  await still.getByRole('button', { name: 'Keep, and go on later' }).click();
  await still.getByRole('link', { name: `Go on with it ${MEDICINES}` }).click();
  assert.ok(await still.getByLabel('I forget them').isChecked() && await still.getByLabel('Most of the time').isChecked());
  assert.equal(await still.getByLabel('When did you last refill').inputValue(), '14-Oct-2026');
  await still.getByRole('button', { name: 'Send to the clinic' }).click();
  await still.getByText('There is nothing more to fill in.').waitFor();

  await guest.goto('/visit/forms');
  await guest.getByRole('link', { name: 'Go on to the visit' }).click();
  await knock(guest);

  // What the clinician reads is what was said.
  await about.getByRole('link', { name: new RegExp(`^${MEDICINES}: sent`) }).waitFor();
  const address = await sent.getAttribute('href');
  const answers = await pageOf(host.context());
  await isLightAndStill(answers, address);
  await answers.getByRole('heading', { name: HEALTH }).waitFor();
  const told = await answers.locator('article').innerText();
  for (const part of ['I sleep badly.', 'Left knee <b>', 'How strong is your pain?', 'the patient', 'For the visit of']) assert.ok(told.includes(part), `${part}: ${told}`);
  await findsNothing(answers, 'the answers');
  await fits(answers, 'the answers');
  await photograph(answers, 'form-answers');
  await answers.getByRole('link', { name: 'All forms of this patient' }).click();
  await answers.getByRole('heading', { name: 'Asked for' }).waitFor();
  await isFitForPeople(answers, 'the forms of a patient');
  await photograph(answers, 'asked-forms');

  // In FHIR: two responses, each with its form, its patient and its visit; and of the answers no log has a word.
  const written = await responses(visit);
  const ours = written.filter(({ extension = [] }) => extension.some(({ valueReference }) => valueReference?.reference === `Appointment/${visit.id}`));
  assert.equal(ours.length, 2, JSON.stringify(written));
  const medicines = ours.find(({ questionnaire }) => questionnaire.endsWith('/medicines|1'));
  const why = medicines.item.find(({ linkId }) => linkId === 'why').answer.map(({ valueString }) => valueString);
  assert.deepEqual(why, ['I forget them', 'The cat hides them']);
  const log = (await here.clinic.events('visit')).map((event) => JSON.stringify(event)).join('\n');
  assert.equal(log.split('link FormAnswered').length - 1, 2, log);
  for (const word of ['sleep badly', 'knee', 'cat hides', visit.family]) assert.ok(!log.includes(word) && !here.clinic.log.includes(word), `${word} is in no log`);
  quiet(host, guest, answers);
  await plain.close();
  await home.close();
  await host.context().close();
});

test('a form that the clinic calls off while it is filled in is not sent, and says so', async () => {
  const visit = await appointment(here, { patient: await askedAgain() });
  const host = await room(here, visit);
  const home = await here.browser.profile();
  const guest = await pageOf(home);
  await guest.goto(await linkFrom(host));
  await identify(guest, visit);
  await agree(guest, { fills: true });
  await guest.getByRole('link', { name: 'Fill in', exact: true }).click();
  await guest.getByRole('link', { name: /^Fill it in / }).first().click();
  const heading = await guest.getByRole('heading', { level: 1 }).innerText();

  const forms = await pageOf(host.context());
  await forms.goto(`/patients/${visit.patient}/forms`);
  await forms.locator('summary', { hasText: heading }).click();
  await forms.getByLabel(`Why it is no longer wanted: ${heading}`).fill('Asked by mistake');
  await forms.getByRole('button', { name: 'Call it off' }).click();
  await forms.getByText('Called off. The patient is not asked for it any more.').waitFor();

  await guest.getByRole('button', { name: 'Send to the clinic' }).click();
  await guest.getByText('The clinic no longer asks for this form.').waitFor();
  await findsNothing(guest, 'a form that was called off');
  await guest.getByRole('link', { name: 'Go on' }).click();
  await guest.getByRole('heading', { name: 'Forms before your visit' }).waitFor();

  // And asked for once more, from the same page.
  await forms.getByLabel('Form', { exact: true }).selectOption({ label: heading });
  await forms.getByRole('button', { name: 'Ask the patient' }).click();
  await forms.getByText('Asked. The patient finds it before their next visit by video.').waitFor();
  await guest.reload();
  await guest.getByRole('link', { name: `Fill it in ${heading}` }).waitFor();
  await home.close();
  await host.context().close();
});

test('in a visit of high risk forms wait for the passkey, and an address that was kept says so', async () => {
  const visit = await appointment(here, { patient: await askedAgain() });
  const context = await here.browser.profile();
  const host = await pageOf(context);
  await signIn(host, here.clinic, 'asha.rao');
  await host.goto(`/appointments/${visit.id}/visit`);
  const link = await linkFrom(host);
  const home = await here.browser.profile();
  const guest = await pageOf(home);
  await guest.goto(link);
  await identify(guest, visit);
  await agree(guest, { fills: true });
  await guest.getByRole('link', { name: 'Fill in', exact: true }).click();
  await guest.getByRole('heading', { name: 'Forms before your visit' }).waitFor();
  const form = await guest.getByRole('link', { name: /^Fill it in / }).first().getAttribute('href');

  await host.getByRole('button', { name: 'Make this a visit of high risk' }).click();
  await host.locator('#risk-list').getByText('High, set by hand').waitFor();
  for (const address of ['/visit/forms', form]) {
    await guest.goto(address);
    await guest.getByText('Forms of this visit open only once your passkey has said who you are').waitFor();
    assert.equal(await guest.locator('input:not([type=hidden]), textarea, select').count(), 0, address);
    await isFitForPeople(guest, `forms that wait for the passkey, at ${address}`);
  }
  await photograph(guest, 'visit-forms-unproven');
  await guest.getByRole('link', { name: 'Go on' }).click();
  await guest.getByRole('button', { name: 'Knock at the door' }).waitFor();
  await photograph(guest, 'visit-risk-way-in');
  await home.close();
  await context.close();
});

/** Somebody who still has a form open. */
async function askedAgain() {
  const headers = { authorization: `Bearer ${here.clinic.api_token}` };
  const code = encodeURIComponent('http://hl7.org/fhir/uv/sdc/CodeSystem/temp|complete-questionnaire');
  const { entry } = JSON.parse((await here.clinic.ask('GET', `/fhir/Task?code=${code}&status=requested&_count=50`, { headers })).body);
  return entry[0].resource.for.reference.split('/')[1];
}
