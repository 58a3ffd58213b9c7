// Which camera, microphone and speaker the call uses: chosen, turned round, and gone or back while it goes on.

import { byId, now } from "./page.js";

const KINDS = { audio: { input: "audioinput", words: "microphone" }, video: { input: "videoinput", words: "camera" } };
const canChooseSpeaker = "setSinkId" in HTMLMediaElement.prototype;
let speaker = "";
let listed = [];

const say = (words) => { byId("devices-said").textContent = words; };

/** Sound of somebody goes where this person wants to hear it. */
export function speakOn(video) {
  if (canChooseSpeaker && speaker) video.setSinkId(speaker).catch(() => say("This speaker does not play. Choose another."));
}

/** Follows the devices of a call from its beginning. */
export function attend(call) {
  call.media.addEventListener("changed", ({ detail }) => { if (now.call === call) shown(call, detail); });
  for (const kind of Object.keys(KINDS)) watch(call, kind);
  list();
}

function shown(call, { kind, isSameTrack }) {
  if (isSameTrack) return;
  const { video } = call.media.tracks;
  if (kind === "video") byId("own").srcObject = video ? new MediaStream([video]) : null;
  watch(call, kind);
  list();
}

/** A track ends by itself when its device is taken away, and not when it is stopped here. */
function watch(call, kind) {
  const track = call.media.tracks[kind];
  track?.addEventListener("ended", async () => {
    if (now.call !== call || call.media.tracks[kind] !== track || call.media.isSharing && kind === "video") return;
    await list();
    const [other] = listed.filter((one) => one.kind === KINDS[kind].input);
    if (!other) { say(`The ${KINDS[kind].words} is gone. Plug one in, and choose it here.`); byId("devices").open = true; return; }
    say(`The ${KINDS[kind].words} is gone; another one is used.`);
    await use(kind, other.deviceId);
  }, { once: true });
}

async function use(kind, deviceId) {
  try { await now.call?.device(kind, deviceId); }
  catch { say(`This ${KINDS[kind].words} did not start. Another program may have it: close that, or choose another.`); }
}

async function list() {
  if (!now.call) return;
  const before = new Set(listed.map(({ deviceId }) => deviceId));
  listed = (await navigator.mediaDevices.enumerateDevices()).filter(({ deviceId }) => deviceId);
  const come = before.size ? listed.filter(({ deviceId }) => !before.has(deviceId)) : [];
  if (come.length) say(`New here: ${come.map(({ label }) => label).join(", ")}. Choose it to use it.`);
  const media = now.call?.media;
  for (const [kind, { input }] of Object.entries(KINDS)) fill(`use-${kind}`, input, media?.tracks[kind]?.getSettings().deviceId);
  fill("use-speaker", "audiooutput", speaker);
  byId("speaker").hidden = !canChooseSpeaker || !listed.some(({ kind }) => kind === "audiooutput");
  const cameras = listed.filter(({ kind }) => kind === "videoinput");
  byId("flip").hidden = cameras.length < 2 || !matchMedia("(pointer: coarse)").matches;
  byId("use-video").disabled = byId("flip").disabled = Boolean(media?.isSharing);
}

function fill(id, kind, chosen) {
  const options = listed.filter((one) => one.kind === kind).map(({ deviceId, label }, at) => new Option(label || `Number ${at + 1}`, deviceId, false, deviceId === chosen));
  byId(id).replaceChildren(...options);
}

/** The camera of the other side of a phone; where a browser does not say which side it is on, the next camera. */
async function flip() {
  const settings = now.call?.media.tracks.video?.getSettings();
  if (!settings) return;
  try {
    if (settings.facingMode) await now.call.flip();
    else {
      const cameras = listed.filter(({ kind }) => kind === "videoinput");
      const at = cameras.findIndex(({ deviceId }) => deviceId === settings.deviceId);
      await use("video", cameras[(at + 1) % cameras.length].deviceId);
    }
  } catch { say("The other camera did not start."); }
}

for (const kind of Object.keys(KINDS)) byId(`use-${kind}`).addEventListener("change", ({ currentTarget }) => use(kind, currentTarget.value));
byId("use-speaker").addEventListener("change", ({ currentTarget }) => {
  speaker = currentTarget.value;
  for (const video of document.querySelectorAll("#tiles figure video")) speakOn(video);
});
byId("flip").addEventListener("click", flip);
byId("restart").addEventListener("click", async () => {
  try { await now.call?.restartMedia(); say("Sound and picture were started again."); }
  catch { say("They did not start. Another program may have them, or the browser is not allowed to use them."); byId("devices").open = true; }
});
navigator.mediaDevices?.addEventListener("devicechange", list);
