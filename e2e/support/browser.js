// Chromium that trusts the demo's authority as an administrator would make it: through its certificate database.

import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { chromium } from 'playwright-core';

const CHROMIUM = process.env.WARDSTONE_CHROMIUM ?? '/usr/bin/chromium';
const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];
/** Cameras and microphones that Chromium makes up, allowed without asking. The second camera is one of depth, which no call takes. */
const MEDIA_FLAGS = ['--use-fake-ui-for-media-stream', '--autoplay-policy=no-user-gesture-required', '--disable-features=WebRtcHideLocalIpsWithMdns'];
const SCREENSHOTS = new URL('../screenshots/', import.meta.url).pathname;
export const WIDE = { width: 1440, height: 900 };
export const MIDDLE = { width: 1024, height: 768 };
export const NARROW = { width: 390, height: 844 };

/** One browser with a certificate database of its own. Its contexts are different people's browsers. */
export class Browser {
  /** `fps`: pictures a second of the made-up cameras; few, for tests are not about how fast two cores code them. */
  static async start(clinic, { media = false, clip = null, fps = 10 } = {}) {
    const browser = new Browser();
    browser.clinic = clinic;
    // Three people in a call are nine pictures that two cores take apart and put together.
    browser.patience = media ? 45_000 : 15_000;
    browser.home = await mkdtemp(join(tmpdir(), 'wardstone-home-'));
    const database = join(browser.home, '.pki', 'nssdb');
    await mkdir(database, { recursive: true });
    const certutil = (...words) => promisify(execFile)('certutil', ['-d', `sql:${database}`, ...words]);
    await certutil('-N', '--empty-password');
    await certutil('-A', '-n', 'demo', '-t', 'C,,', '-i', clinic.ca_cert);
    const env = { ...process.env, HOME: browser.home };
    const cameras = [...MEDIA_FLAGS, `--use-fake-device-for-media-stream=device-count=3,fps=${fps}`];
    const flags = [...FLAGS, ...(media ? cameras : []), ...(clip ? [`--use-file-for-fake-video-capture=${clip}`] : [])];
    browser.chromium = await chromium.launch({ executablePath: CHROMIUM, args: flags, env });
    return browser;
  }

  async stop() {
    await this.chromium.close();
    await rm(this.home, { recursive: true, force: true });
  }

  /** A browser that nobody used before: cookies, keys and connections of its own. */
  async profile(options = {}) {
    const context = await this.chromium.newContext({ baseURL: this.clinic.base_url, viewport: WIDE, ...options });
    context.setDefaultTimeout(this.patience);
    return context;
  }
}

/** A page whose console and policy violations are kept: a test looks at `page.complaints`. */
export async function pageOf(context) {
  const page = await context.newPage();
  page.complaints = [];
  page.on('console', (said) => {
    // The browser itself reports each answer of 400 and more.
    const isStatus = said.text().startsWith('Failed to load resource');
    if (said.type() === 'error' && !isStatus) page.complaints.push(said.text());
  });
  page.on('pageerror', (error) => page.complaints.push(String(error)));
  return page;
}

/** A platform authenticator that recognizes its person, as a phone or a laptop has one. */
export async function virtualAuthenticator(page) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('WebAuthn.enable');
  const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return { devtools, authenticatorId };
}

/** Every width in light and dark, for people to look at. */
export async function photograph(page, name) {
  await mkdir(SCREENSHOTS, { recursive: true });
  const size = page.viewportSize();
  for (const viewport of [WIDE, MIDDLE, NARROW]) {
    await page.setViewportSize(viewport);
    await page.screenshot({ path: join(SCREENSHOTS, `${name}-${viewport.width}.png`), fullPage: true });
  }
  await page.setViewportSize(WIDE);
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.screenshot({ path: join(SCREENSHOTS, `${name}-${WIDE.width}-dark.png`), fullPage: true });
  await page.emulateMedia({ colorScheme: null });
  await page.setViewportSize(size);
}
