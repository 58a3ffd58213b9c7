// The pictures of the README, of a demo's synthetic patients: `cargo xtask screenshots`.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { Browser, pageOf } from './support/browser.js';
import { Clinic } from './support/clinic.js';
import { signIn } from './support/people.js';

const FOLDER = new URL('../docs/images/', import.meta.url).pathname;
const WINDOW = { width: 1280, height: 800 };

const clinic = await Clinic.start({ patients: 25 });
const browser = await Browser.start(clinic);
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
  await page.keyboard.press('Control+k');
  await page.keyboard.type('ru');
  await page.getByRole('option', { name: /MRN/ }).first().waitFor();
  await shoot('palette');
} finally {
  await browser.stop();
  await clinic.stop();
}
