// What a phone does to a page while somebody calls, as far as Chromium lets one do it.

import assert from 'node:assert/strict';

/** Before any script of a page: the tracks that it gets, so that they can be taken as a phone call takes them, and what is asked for. */
export function phone() {
  const devices = navigator.mediaDevices;
  const ask = devices.getUserMedia.bind(devices);
  globalThis.phone = { isInCall: false, tracks: [], asked: 0 };
  devices.getUserMedia = async (wanted) => {
    globalThis.phone.asked += 1;
    if (globalThis.phone.isInCall) throw new DOMException('the telephone has it', globalThis.phone.refusal ?? 'NotReadableError');
    const stream = await ask(wanted);
    globalThis.phone.tracks.push(...stream.getTracks());
    return stream;
  };
  const mute = (is) => {
    for (const track of globalThis.phone.tracks.filter(({ readyState }) => readyState === 'live')) {
      Object.defineProperty(track, 'muted', { value: is, configurable: true });
      track.dispatchEvent(new Event(is ? 'mute' : 'unmute'));
    }
  };
  globalThis.rings = () => { globalThis.phone.isInCall = true; mute(true); };
  globalThis.hungUp = () => { globalThis.phone.isInCall = false; mute(false); };
  /** As iOS ends what it does not give back. */
  globalThis.takes = () => {
    globalThis.phone.isInCall = true;
    for (const track of globalThis.phone.tracks.filter(({ readyState }) => readyState === 'live')) {
      track.stop();
      track.dispatchEvent(new Event('ended'));
    }
  };
}

/**
 * Playwright has every page believe that it is looked at, and a page that is looked at is not frozen: what it asked the browser for is taken
 * back through its own session, since another session cannot.
 */
async function look(page, isLooked) {
  const inside = page._connection.toImpl(page);
  const session = (inside.delegate ?? inside._delegate)._mainFrameSession._client;
  await session.send('Emulation.setFocusEmulationEnabled', { enabled: isLooked });
}

/** Hidden, then frozen by the browser for `ms`, then awake and looked at again. That its timers stood still is proved. */
export async function frozen(page, ms, meanwhile = async () => {}) {
  const devtools = await page.context().newCDPSession(page);
  await page.evaluate(() => {
    globalThis.slept = { ticks: 0, frozen: 0, resumed: 0, hidden: 0 };
    globalThis.slept.timer = setInterval(() => { globalThis.slept.ticks += 1; }, 100);
    document.addEventListener('freeze', () => { globalThis.slept.frozen += 1; }, { once: true });
    document.addEventListener('resume', () => { globalThis.slept.resumed += 1; }, { once: true });
    document.addEventListener('visibilitychange', () => { globalThis.slept.hidden += document.hidden ? 1 : 0; }, { once: true });
  });
  await look(page, false);
  await devtools.send('Page.setWebLifecycleState', { state: 'frozen' });
  const began = Date.now();
  await meanwhile();
  await new Promise((done) => { setTimeout(done, Math.max(0, began + ms - Date.now())); });
  await devtools.send('Page.setWebLifecycleState', { state: 'active' });
  await look(page, true);
  const slept = await page.evaluate(() => { clearInterval(globalThis.slept.timer); return globalThis.slept; });
  assert.ok(slept.frozen === 1 && slept.resumed === 1 && slept.hidden === 1, JSON.stringify(slept));
  assert.ok(slept.ticks < ms / 100 / 4, `its timers stood still: ${slept.ticks} ticks in ${ms} ms`);
  await devtools.detach();
}
