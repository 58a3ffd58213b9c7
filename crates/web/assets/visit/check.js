// A minute before the call: whether one hears something, and whether the network lets a call through.

import { blocked, silent } from "./help.js";
import { byId, post, root } from "./page.js";

const ROUNDS = 5;
const TRY_MS_MAX = 15_000;
const TONE_S = 0.9;

export async function tone() {
  const sound = new AudioContext();
  await sound.resume();
  const [voice, loudness] = [new OscillatorNode(sound, { frequency: 440 }), new GainNode(sound, { gain: 0 })];
  const at = sound.currentTime;
  loudness.gain.linearRampToValueAtTime(0.3, at + 0.05);
  loudness.gain.setValueAtTime(0.3, at + TONE_S - 0.1);
  loudness.gain.linearRampToValueAtTime(0, at + TONE_S);
  voice.connect(loudness).connect(sound.destination);
  voice.onended = () => sound.close();
  voice.start();
  voice.stop(at + TONE_S);
  byId("heard").hidden = false;
  byId("tone-said").textContent = "";
}

function heard(is) {
  byId("heard").hidden = true;
  byId("tone-said").textContent = is ? "Sound: you heard the tone." : `Sound: ${silent()}`;
  byId("tone").textContent = "Play the tone again";
}

/** Both ends are in this page; what goes from one to the other goes through the relay or not at all. */
export async function network() {
  const said = byId("network-said");
  said.textContent = "Network: trying the way through the relay…";
  let servers;
  try { ({ servers } = await post(root.dataset.relay)); }
  catch (error) { said.textContent = `Network: ${error.message}`; return; }
  if (servers.length === 0) { said.textContent = "Network: this clinic has no relay; calls go directly."; return; }
  try { said.textContent = `Network: through the relay, ${Math.max(1, Math.round(await roundTrip(servers)))} ms.`; }
  catch { said.textContent = `Network: ${blocked()}`; }
}

async function roundTrip(iceServers) {
  const ends = [0, 1].map(() => new RTCPeerConnection({ iceServers, iceTransportPolicy: "relay" }));
  const [near, far] = ends;
  const late = new Promise((resolve, reject) => setTimeout(() => reject(new Error("late")), TRY_MS_MAX));
  try {
    near.onicecandidate = ({ candidate }) => candidate && far.addIceCandidate(candidate).catch(() => {});
    far.onicecandidate = ({ candidate }) => candidate && near.addIceCandidate(candidate).catch(() => {});
    far.ondatachannel = ({ channel }) => { channel.onmessage = ({ data }) => channel.send(data); };
    const channel = near.createDataChannel("try");
    await near.setLocalDescription();
    await far.setRemoteDescription(near.localDescription);
    await far.setLocalDescription();
    await near.setRemoteDescription(far.localDescription);
    return await Promise.race([late, rounds(channel)]);
  } finally {
    for (const end of ends) end.close();
  }
}

/** The median of a few. */
function rounds(channel) {
  return new Promise((resolve, reject) => {
    const times = [];
    const send = () => channel.send(String(performance.now()));
    channel.onopen = send;
    channel.onerror = reject;
    channel.onmessage = ({ data }) => {
      times.push(performance.now() - Number(data));
      if (times.length < ROUNDS) send();
      else resolve(times.sort((a, b) => a - b)[ROUNDS >> 1]);
    };
  });
}

byId("tone")?.addEventListener("click", tone);
byId("heard-yes")?.addEventListener("click", () => heard(true));
byId("heard-no")?.addEventListener("click", () => heard(false));
