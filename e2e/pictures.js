// The pictures of the README, of a demo's synthetic patients: `cargo xtask screenshots`.

import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Browser, pageOf } from './support/browser.js';
import { Clinic } from './support/clinic.js';
import { signIn } from './support/people.js';
import { CLINICIAN, portrait } from './support/portrait.js';
import { appointment, enter, knock, letIn, linkFrom, plays } from './support/visit.js';

const FOLDER = new URL('../docs/images/', import.meta.url).pathname;
const WINDOW = { width: 1280, height: 800 };

const clinic = await Clinic.start({ patients: 25 });
const clips = await mkdtemp(join(tmpdir(), 'wardstone-clips-'));
await Promise.all([portrait(join(clips, 'clinician.y4m'), CLINICIAN), portrait(join(clips, 'patient.y4m'))]);
const browser = await Browser.start(clinic, { media: true, clip: join(clips, 'clinician.y4m') });
const patients = await Browser.start(clinic, { media: true, clip: join(clips, 'patient.y4m') });
try {
  await mkdir(FOLDER, { recursive: true });
  const context = await browser.profile({ viewport: WINDOW });
  const page = await pageOf(context);
  const shoot = async (name) => {
    await page.evaluate(() => document.fonts.ready);
    await page.screenshot({ path: join(FOLDER, `${name}.png`) });
  };
  await signIn(page, clinic, 'asha.rao');
  await page.goto('/today');
  await page.getByText('Live', { exact: true }).waitFor();
  await shoot('today');
  const chart = await page.locator('tr .c-who > a').nth(2).getAttribute('href');
  await page.goto(chart);
  await shoot('chart');
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.goto(`${chart}/vitals`);
  await page.getByRole('heading', { name: 'Trends' }).scrollIntoViewIfNeeded();
  await shoot('vitals-at-night');
  await page.emulateMedia({ colorScheme: null });
  await page.goto('/results');
  await shoot('results');
  await page.goto(`${chart}/notes/new`);
  const subjective = page.getByLabel('Subjective', { exact: false }).first();
  await subjective.fill('Feels well. Walks half an hour a day, takes the tablets every morning.');
  await shoot('note');
  await page.goto('/today');
  const family = await page.locator('tr .c-who > a').first().innerText();
  await page.keyboard.press('Control+k');
  await page.keyboard.type(family.slice(0, 3).toLowerCase());
  await page.getByRole('option', { name: /MRN/ }).first().waitFor();
  await shoot('palette');
  const visit = await appointment({ clinic });
  const guest = await pageOf(await patients.profile());
  await page.goto(`/appointments/${visit.id}/visit`);
  await page.getByRole('button', { name: 'Open the room' }).click();
  await page.locator('#stage').waitFor();
  await enter(guest, visit, await linkFrom(page));
  await knock(guest);
  await letIn(page, guest, 'The patient');
  await plays(page, '#tiles figure video');
  await page.getByRole('group', { name: 'Beside the call' }).getByRole('button', { name: 'Chart', exact: true }).click();
  await page.frameLocator('iframe[data-pane=chart]').getByRole('heading', { level: 1 }).waitFor();
  await shoot('visit');
} finally {
  await browser.stop();
  await patients.stop();
  await clinic.stop();
  await rm(clips, { recursive: true });
}
