// Waiting for what is to happen: on a condition, with a cap that is generous and an error that says what did not.

import assert from 'node:assert/strict';

const CAP_MS = 30_000;
const LOOK_MS = 100;

/** What `look` saw, once it is something. `account` tells whoever reads why a test failed. */
export async function until(what, look, capMs = CAP_MS, account = () => '') {
  const end = Date.now() + capMs;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > end) assert.fail(`did not happen within ${capMs} ms: ${what}\n${await account()}`);
    await new Promise((done) => { setTimeout(done, LOOK_MS); });
  }
}
