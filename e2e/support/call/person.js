// One person's page in the tests of a call: a picture of one colour and a tone of one pitch, and what arrives of the others.

import { Call } from '/assets/call/call.js';

const WIDTH = 320;
const HEIGHT = 180;

function media(colour, pitch) {
  const canvas = Object.assign(document.createElement('canvas'), { width: WIDTH, height: HEIGHT });
  const drawing = canvas.getContext('2d');
  let turn = 0;
  setInterval(() => {
    turn += 1;
    drawing.fillStyle = colour;
    drawing.fillRect(0, 0, WIDTH, HEIGHT);
    drawing.fillStyle = 'black';
    drawing.fillRect(turn % WIDTH, 0, 2, 2);
  }, 66);
  const sound = new AudioContext();
  const tone = new OscillatorNode(sound, { frequency: pitch });
  const out = sound.createMediaStreamDestination();
  tone.connect(out);
  tone.start();
  return new MediaStream([...canvas.captureStream(15).getTracks(), ...out.stream.getTracks()]);
}

function hear(stream) {
  const sound = new AudioContext();
  const ear = new AnalyserNode(sound, { fftSize: 8192 });
  sound.createMediaStreamSource(new MediaStream(stream.getAudioTracks())).connect(ear);
  return () => {
    const bins = new Float32Array(ear.frequencyBinCount);
    ear.getFloatFrequencyData(bins);
    const top = bins.reduce((best, level, at) => (level > bins[best] ? at : best), 1);
    return bins[top] < -60 ? 0 : Math.round((top * sound.sampleRate) / ear.fftSize);
  };
}

function see(stream) {
  const video = Object.assign(document.createElement('video'), { autoplay: true, muted: true, playsInline: true });
  video.srcObject = stream;
  document.body.append(video);
  video.play().catch(() => {});
  const drawing = Object.assign(document.createElement('canvas'), { width: 8, height: 8 }).getContext('2d', { willReadFrequently: true });
  return () => {
    if (!video.videoWidth) return null;
    drawing.drawImage(video, 0, 0, 8, 8);
    const [red, green, blue] = drawing.getImageData(4, 4, 1, 1).data;
    if (Math.max(red, green, blue) < 60) return 'black';
    if (red > 120 && green > 120) return 'yellow';
    return red >= green && red >= blue ? 'red' : green >= blue ? 'green' : 'blue';
  };
}

globalThis.startCall = async ({ visit, ticket, colour, pitch, hooks }) => {
  const seen = { banners: [], sas: {}, chat: [], states: [], roster: null, meters: {}, others: {} };
  const call = new Call({ visit, url: `ws://${location.host}/visits/ws`, ticket, hooks });
  call.addEventListener('banner', ({ detail }) => seen.banners.push(detail));
  call.addEventListener('state', ({ detail }) => seen.states.push(detail));
  call.addEventListener('sas', ({ detail }) => { seen.sas[detail.who] = detail; });
  call.addEventListener('roster', ({ detail }) => { seen.roster = detail; });
  call.addEventListener('meter', ({ detail }) => { seen.meters[detail.who] = detail; });
  call.addEventListener('chat', ({ detail }) => {
    const { from, text, file } = detail;
    seen.chat.push({ from, text, ...(file && { name: file.name, type: file.type, bytes: [...file.bytes] }) });
  });
  call.addEventListener('track', ({ detail: { who, kind, stream } }) => {
    const other = seen.others[who] ??= {};
    if (kind === 'audio') other.hear = hear(stream);
    else other.see = see(stream);
  });
  call.useMedia(media(colour, pitch));
  Object.assign(globalThis, { call, seen });
  await call.join();
};

globalThis.look = () => Object.fromEntries(Object.entries(seen.others).map(([who, { hear: ear, see: eye }]) => [who, { pitch: ear?.(), colour: eye?.() }]));

/** Counters of the worker beside those of the browser, per slot. */
globalThis.count = async () => {
  const all = [];
  for (const [who, peer] of call.peers) {
    const reports = peer.pc ? [...(await peer.pc.getStats()).values()] : [];
    for (const slot of peer.counters.values()) {
      const type = slot.side === 'send' ? 'outbound-rtp' : 'inbound-rtp';
      const report = reports.find((one) => one.type === type && one.kind === slot.kind);
      all.push({ who, ...slot, browser: slot.side === 'send' ? report?.framesEncoded ?? report?.packetsSent : report?.framesDecoded ?? report?.packetsReceived });
    }
  }
  return all;
};
globalThis.isReady = true;
