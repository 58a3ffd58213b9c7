// A clinic and a browser for the tests of one file.

import { after, before } from 'node:test';

import { Browser } from './browser.js';
import { Clinic } from './clinic.js';

export function house(options) {
  const held = {};
  before(async () => {
    held.clinic = await Clinic.start(options);
    held.browser = await Browser.start(held.clinic, options);
  });
  after(async () => {
    await held.browser?.stop();
    await held.clinic?.stop();
  });
  return held;
}
