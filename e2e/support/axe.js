// axe-core on a page as it stands: WCAG 2.2 A and AA, and its best practices, in both colour schemes.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

const SOURCE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** Fails with every rule that is broken and where. Through the debugger, for the page's own policy lets no script in. */
export async function findsNothing(page, name) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    // Drawn as it will stand: a change of scheme or size takes a frame.
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    await page.evaluate(SOURCE);
    const found = await page.evaluate((tags) => globalThis.axe.run(document, { runOnly: tags }), TAGS);
    const broken = found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`);
    assert.deepEqual(broken, [], `${name} in ${colorScheme}`);
    assert.ok(found.passes.length > 10, `${name}: axe looked at the page`);
  }
  await page.emulateMedia({ colorScheme: null });
}
