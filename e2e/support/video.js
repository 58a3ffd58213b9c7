// A visit by video between two browsers and the real server: an appointment for now, the way in, and what is between them.

import assert from 'node:assert/strict';

import { pageOf } from './browser.js';
import { signIn } from './people.js';
import { appointment, enter, linkFrom } from './visit.js';
import { until } from './wait.js';

const CAP_MS = 30_000;

/**
 * What stands between a page and the network, put there before any of its scripts run: relays are reached through `udpPort` where
 * one is given, by one transport alone where the page names one (udp, tcp or tls), and the line can be cut. None of it makes a check weaker.
 */
function between({ udpPort, isSmall }) {
  const transportOf = (url) => (url.startsWith('turns:') ? 'tls' : url.split('transport=')[1]);
  // Where packets go through `udpPort`, none goes around it, unless the page says so.
  const chosen = () => sessionStorage.getItem('test-transport') ?? (udpPort ? 'udp' : null);
  const way = (url) => (udpPort && transportOf(url) === 'udp' ? url.replace(/:\d+\?/, `:${udpPort}?`) : url);
  const through = (given = {}) => {
    const servers = (given.iceServers ?? []).map((server) => ({ ...server, urls: [server.urls].flat().filter((url) => !chosen() || transportOf(url) === chosen()).map(way) }));
    return { ...given, iceServers: servers.filter(({ urls }) => urls.length) };
  };
  const Connection = globalThis.RTCPeerConnection;
  globalThis.RTCPeerConnection = class extends Connection {
    constructor(given) { super(through(given)); }
    setConfiguration(given) { super.setConfiguration(through(given)); }
  };
  // A small picture: what is tried is the way and not the machine, which encodes and decodes for both.
  const devices = navigator.mediaDevices;
  const ask = devices.getUserMedia.bind(devices);
  if (isSmall) devices.getUserMedia = ({ video, ...rest }) => ask({ ...rest, ...(video ? { video: { width: 320, height: 180, frameRate: 15 } } : {}) });
  const Line = globalThis.WebSocket;
  const lines = new Set();
  let isCut = false;
  globalThis.WebSocket = class extends Line {
    constructor(address) {
      super(isCut ? new URL('/visits/none/line', address).href : address);
      lines.add(this);
    }
  };
  globalThis.cutLine = (on) => {
    isCut = on;
    if (on) for (const line of lines) line.close();
  };
}

/** The call as the page holds it. */
const inCall = (page, look, given) => page.evaluate(async ([body, given]) => {
  const { now } = await import('/assets/visit/page.js');
  return globalThis.lookers[body](now.call, given);
}, [look, given]);

function lookers() {
  const nominated = async (peer) => {
    const reports = await peer.pc.getStats();
    const transport = [...reports.values()].find(({ type }) => type === 'transport');
    const pair = reports.get(transport?.selectedCandidatePairId);
    return pair ? { local: reports.get(pair.localCandidateId), remote: reports.get(pair.remoteCandidateId) } : null;
  };
  globalThis.lookers = {
    me: (call) => call?.me?.id ?? null,
    states: (call) => [...call?.peers.values() ?? []].map(({ state }) => state),
    account: async (call) => JSON.stringify({
      peers: [...call?.peers.values() ?? []].map(({ state, run, theirRun, isPolite, pc, connectedMs, counters }) => ({ state, run, theirRun, isPolite, signaling: pc?.signalingState, servers: pc?.getConfiguration().iceServers.map(({ urls }) => urls), ice: pc?.iceConnectionState, all: pc?.connectionState, connectedMs, counters: [...counters.values()] })),
      way: await globalThis.lookers.way(call), lines: call?.signal?.isOpen, trouble: document.querySelector('#trouble')?.textContent, banner: document.querySelector('#banner')?.textContent,
      videos: [...document.querySelectorAll('video')].map(({ id, videoWidth, currentTime, paused, readyState }) => ({ id, videoWidth, currentTime, paused, readyState })),
    }),
    opened: (call) => (call?.counters ?? []).filter(({ side }) => side === 'recv').reduce((sum, { dec }) => sum + dec, 0),
    refused: (call) => (call?.counters ?? []).reduce((sum, { decErr, replay }) => sum + decErr + replay, 0),
    way: async (call) => {
      const [peer] = call?.peers.values() ?? [];
      const found = peer?.pc && peer.state === 'connected' ? await nominated(peer) : null;
      return found ? [found.local.candidateType, found.local.relayProtocol, found.remote.candidateType] : null;
    },
    say: (call, words) => call.say(words),
    sendFile: (call, { name, text }) => call.sendFile(name, new TextEncoder().encode(text)),
  };
}

export const look = inCall;

/** The picture of the other moves, `frames` times over. */
export async function plays(page, selector = '#tiles figure video', frames = 3) {
  let last = null;
  let moved = 0;
  await until(`a picture moves at ${selector}`, async () => {
    const at = await page.evaluate((selector) => { const video = document.querySelector(selector); return video?.videoWidth ? video.currentTime : null; }, selector);
    if (at !== null && last !== null && at > last) moved += 1;
    last = at;
    return moved >= frames;
  }, CAP_MS, () => inCall(page, 'account'));
}

/** Both in their browsers: the clinician's room is open, the patient knows the link and stands before the door. */
export async function bothCome(here, { udpPort = null, isSmall = true, words = 'Video visit', more = [], prepare = async () => {} } = {}) {
  const visit = await appointment(here, { words });
  const contexts = [await here.browser.profile(), await here.browser.profile()];
  for (const context of contexts) {
    context.setDefaultTimeout(CAP_MS);
    await context.addInitScript(between, { udpPort, isSmall });
    await context.addInitScript(lookers);
    for (const script of more) await context.addInitScript(script);
  }
  const [host, patient] = await Promise.all(contexts.map(pageOf));
  await signIn(host, here.clinic, 'asha.rao');
  await prepare({ host, patient });
  await host.goto(`/appointments/${visit.id}/visit`);
  const link = await linkFrom(host);
  await enter(patient, visit, link);
  return { visit, host, patient, link, close: () => Promise.all(contexts.map((context) => context.close())) };
}

export const door = (patient) => patient.getByRole('button', { name: /^Knock/ });
export const openRoom = (host) => host.getByRole('button', { name: /^Open the room/ });
export const letIn = (host) => host.getByRole('button', { name: 'Let in: The patient' });

export async function enterCall({ host, patient }) {
  await openRoom(host).click();
  await host.locator('#stage').waitFor();
  await door(patient).click();
  await patient.getByRole('heading', { name: 'The waiting room' }).waitFor();
  await letIn(host).click();
  await Promise.all([plays(host), plays(patient)]);
}

export async function noBanner(...pages) {
  for (const page of pages) assert.equal(await page.locator('#banner').isVisible(), false, await page.locator('#banner').innerText());
}
