// Camera and microphone, before the call and for it.

import { byId, now, trouble } from "./page.js";

const PICTURE = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 24, max: 30 } };

export async function take() {
  if (now.media) return now.media;
  const ways = [{ audio: true, video: PICTURE }, { audio: true, video: false }];
  let why = null;
  for (const way of ways) {
    try { now.media = await navigator.mediaDevices.getUserMedia(way); return now.media; } catch (error) { why = error; }
  }
  const isRefused = why?.name === "NotAllowedError";
  throw new Error(isRefused ? "This browser was not allowed to use the microphone. Allow it beside the address, and try again." : "No microphone was found. Plug one in, or use another device.");
}

export async function tryOut() {
  trouble("");
  try {
    const stream = await take();
    byId("preview").srcObject = stream;
    const sound = new AudioContext();
    const ear = new AnalyserNode(sound, { fftSize: 512 });
    sound.createMediaStreamSource(stream).connect(ear);
    const samples = new Float32Array(ear.fftSize);
    const level = () => {
      if (now.call) { sound.close(); return; }
      ear.getFloatTimeDomainData(samples);
      byId("level").value = Math.min(1, 4 * Math.sqrt(samples.reduce((sum, one) => sum + one * one, 0) / samples.length));
      setTimeout(level, 100);
    };
    level();
  } catch (error) { trouble(error.message); }
}
