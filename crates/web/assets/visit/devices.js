// Camera and microphone, before the call and for it.

import { network } from "./check.js";
import { allow } from "./help.js";
import { byId, now, trouble } from "./page.js";

const PICTURE = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 24, max: 30 } };
/** Above this the microphone hears something. */
const HEARD = 0.02;

export async function take() {
  // What a phone call ended meanwhile is asked for again.
  if (now.media?.getTracks().every(({ readyState }) => readyState === "live")) return now.media;
  const ways = [{ audio: true, video: PICTURE }, { audio: true, video: false }];
  let why = null;
  for (const way of ways) {
    try { now.media = await navigator.mediaDevices.getUserMedia(way); return now.media; } catch (error) { why = error; }
  }
  const isRefused = why?.name === "NotAllowedError";
  throw new Error(isRefused ? `This browser was not allowed to use the microphone. ${allow()}` : "No microphone was found. Plug one in, or use another device.");
}

/** Camera, microphone and network at once; the tone is for ears to judge. */
export async function tryOut() {
  trouble("");
  await Promise.all([network(), look()]);
}

async function look() {
  try {
    const stream = await take();
    byId("preview").srcObject = stream;
    const hasPicture = stream.getVideoTracks().length > 0;
    const picture = hasPicture ? "Camera: on." : "Camera: none was found, or it is in use elsewhere; you will be heard.";
    byId("mic-said").textContent = `${picture} Microphone: speak, and the bar moves.`;
    const sound = new AudioContext();
    const ear = new AnalyserNode(sound, { fftSize: 512 });
    sound.createMediaStreamSource(stream).connect(ear);
    const samples = new Float32Array(ear.fftSize);
    let isHeard = false;
    const level = () => {
      if (now.call) { sound.close(); return; }
      ear.getFloatTimeDomainData(samples);
      const loud = Math.sqrt(samples.reduce((sum, one) => sum + one * one, 0) / samples.length);
      byId("level").value = Math.min(1, 4 * loud);
      if (!isHeard && loud > HEARD) {
        isHeard = true;
        byId("mic-said").textContent = `${picture} Microphone: heard.`;
      }
      setTimeout(level, 100);
    };
    level();
  } catch (error) {
    byId("mic-said").textContent = "";
    trouble(error.message);
  }
}
