// Every screen that a role reaches by its links, and what each of them holds to.

import assert from 'node:assert/strict';
import test from 'node:test';

import { findsNothing } from '../support/axe.js';
import { pageOf } from '../support/browser.js';
import { house } from '../support/house.js';
import { signIn } from '../support/people.js';
import { fits, isLightAndStill, isSeenInFocus, overhear, prints, saysNothing } from '../support/screen.js';

const here = house({ patients: 12 });
/** What a page of this address shows is the same page, whoever it is about. */
const shape = (path) => path.split('?')[0].replace(/\/(?=[^/]*[0-9])[A-Za-z0-9.-]+/g, '/{}');
/** What people take away on paper: no empty form. */
const PRINTED = /^\/((patients|results)\/\{\}(?!.*\/new$)|results$)/;
const FILES = /\/(file|letter|picture)$/;

/** Pages to look at: one of each shape, as this person comes to them. */
async function* reached(page, known, role) {
  // The first page and a chart look different to each role.
  const kind = (path) => (['/', '/patients/{}'].includes(shape(path)) ? `${shape(path)} ${role}` : shape(path));
  const waiting = ['/'];
  const seen = new Set();
  while (waiting.length > 0) {
    const path = waiting.shift();
    if (seen.has(shape(path)) || FILES.test(shape(path))) continue;
    seen.add(shape(path));
    if (known.has(kind(path))) {
      // Somebody else's test looked at it: here only for where it leads.
      await page.goto(path);
    } else {
      known.add(kind(path));
      yield path;
    }
    const links = await page.locator('main a[href^="/"], nav a[href^="/"], header a[href^="/"]').evaluateAll((all) => all.map((link) => link.pathname + link.search));
    waiting.push(...links);
  }
}

const known = new Set();
for (const role of ['physician', 'nurse', 'medical_assistant', 'front_desk', 'psychiatrist', 'pharmacist', 'billing', 'privacy_officer', 'admin', 'auditor', 'patient', 'proxy']) {
  test(`every screen of a ${role.replace('_', ' ')} holds to the rules`, async (t) => {
    const user = here.clinic.users.find((user) => user.role === role);
    if (!user) return t.skip(`the demo has no ${role}`);
    const context = await here.browser.profile();
    const heard = overhear(context, here.clinic.base_url);
    const page = await pageOf(context);
    await signIn(page, here.clinic, user.username, (url) => url.pathname !== '/signin' && !url.pathname.startsWith('/signin/'));
    const looked = [];
    let named = 0;
    // All of it is told at once, not the first that is wrong.
    const wrong = [];
    const hold = async (rule) => {
      try {
        return await rule();
      } catch (error) {
        wrong.push(error.message);
      }
    };
    for await (const path of reached(page, known, role)) {
      const name = shape(path);
      const response = await page.goto(path);
      assert.equal(response.status(), 200, path);
      const families = await page.locator('.banner h1 b, .c-who > a').allInnerTexts();
      named += families.length;
      const title = await page.title();
      await hold(() => saysNothing(response, title, families.map((name) => name.split(',')[0]).filter((family) => family.length > 3)));
      await hold(() => isLightAndStill(page, path));
      await hold(() => findsNothing(page, name));
      await hold(() => fits(page, name));
      if (PRINTED.test(name)) await hold(() => prints(page, name));
      await hold(() => isSeenInFocus(page, name));
      looked.push(name);
    }
    t.diagnostic(looked.join(' '));
    assert.ok(role !== 'physician' || named > 20, 'patients were named on these screens');
    assert.deepEqual(wrong, []);
    assert.deepEqual(page.complaints, []);
    assert.deepEqual(heard, { strangers: [], kept: [] });
    await context.close();
  });
}

test('what is refused holds to the rules too, with several things wrong at once', async () => {
  const context = await here.browser.profile();
  const page = await pageOf(context);
  await signIn(page, here.clinic, 'asha.rao');
  await page.goto('/patients');
  await page.getByLabel('Born, or record number').fill('WS-100001');
  await page.getByRole('button', { name: 'Find' }).click();
  const chart = await page.locator('main table a[href^="/patients/"]').first().getAttribute('href');
  for (const [path, wrong, button] of [
    [`${chart}/vitals`, { '#systolic': '700', '#pulse': '720', '#weight': '9000' }, 'Save the set'],
    ['/patients/new', { '#mobile': 'call me', '#email': 'nobody', '#zip': '1' }, null],
    [`${chart}/prescriptions/new`, {}, null],
    [`${chart}/orders/new`, {}, null],
    [`${chart}/allergies`, {}, null],
    ['/cover', {}, 'Save'],
    ['/colleagues', {}, 'Save'],
    ['/times', { '#hours': 'noon' }, 'Close these times'],
  ]) {
    await page.goto(path);
    for (const [field, value] of Object.entries(wrong)) await page.locator(field).fill(value);
    const first = button ? page.getByRole('button', { name: button, exact: true }) : page.locator('main form button.first').first();
    await first.click();
    await page.locator('main [role=alert]').first().waitFor();
    await findsNothing(page, `${path}, refused`);
    await fits(page, `${path}, refused`);
  }
  await context.close();
});
