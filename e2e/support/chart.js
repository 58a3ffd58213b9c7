// The way to a chart, and about in it by keyboard.

import assert from 'node:assert/strict';

/** Nothing on these pages is further away by Tab. */
const STOPS_MAX = 200;

/** Finds a patient by the record number and opens the chart; its address. */
export async function openChart(page, number) {
  await find(page, number);
  await page.getByRole('link', { name: /^[A-Z' -]+, / }).click();
  await page.waitForURL(/\/patients\/[A-Za-z0-9.-]+$/);
  return new URL(page.url()).pathname;
}

export async function find(page, number) {
  await page.goto('/patients');
  await page.getByLabel('Born, or record number').fill(number);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: '1 patient' }).waitFor();
}

/** Tabs to what a person would recognize. */
export async function tabTo(page, wanted) {
  for (let stop = 0; stop < STOPS_MAX; stop += 1) {
    await page.keyboard.press('Tab');
    const name = await page.evaluate(() => {
      const at = document.activeElement;
      return at.getAttribute('aria-label') ?? at.labels?.[0]?.textContent ?? at.textContent;
    });
    if (wanted.test(name.trim())) return;
  }
  assert.fail(`no way by Tab to ${wanted}`);
}

/** By Tab until it has the focus. */
export async function reach(page, locator) {
  for (let stop = 0; stop < STOPS_MAX; stop += 1) {
    if (await locator.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  assert.fail('it is not reached by keyboard');
}
