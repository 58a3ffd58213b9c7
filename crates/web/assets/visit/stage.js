// Who is seen and as whom, what they send and why not more, the words to compare, and what one presses in a call.

import { speakOn } from "./choice.js";
import { byId, now } from "./page.js";

const ROLES = { clinician: "Clinician", patient: "Patient", proxy: "For the patient", interpreter: "Interpreter", family: "Family", guest: "Guest" };
const WHY = { bandwidth: "the network carries no more", loss: "the network loses too much of it", delay: "the network is slow" };
const ON_HOLD = "on hold: their device has another call, or sleeps";
const AWAY = "away: their device is not connected";
const states = new Map();
const lowered = new Map();
const meters = new Map();
/** Words that are still to be compared, by whom with; both sides begin with clinician and patient. */
const pairs = new Map();
const FIRST = ["clinician", "patient", "proxy"];
let asking = null;
/** A press that was on its way when other words came is not about them. */
const SETTLED_MS = 1_000;
let askedAt = -Infinity;

export function tile(who, kind, stream) {
  let figure = byId(`tile-${who}`);
  if (!figure) {
    figure = document.createElement("figure");
    figure.id = `tile-${who}`;
    const video = Object.assign(document.createElement("video"), { autoplay: true, playsInline: true });
    const caption = document.createElement("figcaption");
    caption.append(document.createElement("b"), document.createElement("span"), document.createElement("span"));
    caption.children[1].className = "role";
    caption.children[2].className = "state";
    figure.append(video, caption);
    byId("tiles").prepend(figure);
    speakOn(video);
    name(who);
  }
  const video = figure.querySelector("video");
  if (video.srcObject !== stream) video.srcObject = stream;
  video.play().catch((error) => { if (error.name === "NotAllowedError") resumeOnPress(); });
}

/** Names, roles and states of everybody who is shown: the server's word for the name, the host's signature for the role. */
export function named() { for (const { id } of now.members) name(id); }

function name(who) {
  const figure = byId(`tile-${who}`);
  if (!figure) return;
  const label = now.labels.get(who) ?? "Somebody";
  const role = ROLES[now.members.find(({ id }) => id === who)?.role] ?? "";
  const isAway = now.call?.present.some(({ id, away }) => id === who && away);
  const state = isAway ? AWAY : stateWords(states.get(who));
  const [called, as, sends] = figure.querySelector("figcaption").children;
  called.textContent = label;
  as.textContent = label.toLowerCase().includes(role.toLowerCase()) ? "" : ` · ${role}`;
  sends.textContent = state && ` · ${state}`;
  figure.querySelector("video").setAttribute("aria-label", `Picture of ${label}`);
}

/** What somebody else's browser says of what it sends. */
export function told(who, state) {
  states.set(who, state);
  name(who);
}

function stateWords(state) {
  if (!state) return "";
  const { audio, video, screen, modality, reason } = state;
  if (reason === "on-hold") return ON_HOLD;
  const why = WHY[reason];
  return [
    audio ? "" : "muted",
    screen ? "shares the screen" : "",
    video ? "" : "camera off",
    video && modality === "audio" ? `sound alone${why ? `: ${why}` : ""}` : "",
    video && modality === "video" && why ? `smaller picture: ${why}` : "",
  ].filter(Boolean).join(", ");
}

export function drop() {
  for (const one of document.querySelectorAll("#tiles > figure")) if (!now.members.some(({ id }) => one.id === `tile-${id}`)) one.remove();
  for (const kept of [states, lowered, meters, pairs]) for (const id of kept.keys()) if (!now.members.some((one) => one.id === id)) kept.delete(id);
  ask();
}

/** What the connection is like, in words; what is sent less of, and why, is said to the others too. */
export function measured({ who, rttMs, loss, candidate, rung, reason }) {
  if (rung === "720") lowered.delete(who);
  else if (reason && WHY[reason]) lowered.set(who, WHY[reason]);
  const why = lowered.get(who);
  const way = candidate?.includes("relay") ? "through a relay" : "directly";
  const lost = `${Math.round(100 * (loss ?? 0))} % lost`;
  const less = rung === "audio" ? ` Only your sound is sent: ${why ?? "the network carries no more"}.` : why ? ` Your picture is sent smaller: ${why}.` : "";
  meters.set(who, `Network: ${way}, ${Math.round(rttMs ?? 0)} ms, ${lost}.${less}`);
  const isOne = meters.size === 1;
  byId("meter").textContent = [...meters].map(([id, words]) => (isOne ? words : `${now.labels.get(id) ?? "Somebody"}: ${words}`)).join(" ");
}

export function words({ who, emoji, isConfirmed }) {
  pairs.delete(who);
  if (!isConfirmed) pairs.set(who, emoji.map(({ sign, name: called }) => `${sign} ${called}`).join(" · "));
  ask();
}

function ask() {
  const rank = (id) => (FIRST.indexOf(now.members.find((one) => one.id === id)?.role) + FIRST.length + 1) % (FIRST.length + 1);
  const before = asking;
  [asking = null] = [...pairs.keys()].sort((one, other) => rank(one) - rank(other));
  if (before && asking !== before) askedAt = performance.now();
  byId("words").hidden = !asking;
  byId("sas").textContent = pairs.get(asking) ?? "";
  const isOne = now.members.length < 3;
  byId("words-name").textContent = isOne ? "Read these words to each other" : `Read these words with: ${now.labels.get(asking) ?? "somebody"}`;
}

function compared(isSame) {
  if (performance.now() - askedAt < SETTLED_MS) return;
  now.call?.confirmSas(asking, isSame);
  pairs.delete(asking);
  ask();
}

/** A browser that plays nothing before a person acts (iOS, and after another app had the sound) plays at the next press. */
let isWaitingForPress = false;
function resumeOnPress() {
  byId("call-said").textContent = "Press anywhere to hear and see.";
  if (isWaitingForPress) return;
  isWaitingForPress = true;
  const press = async () => {
    const plays = [...document.querySelectorAll("#tiles video")].filter(({ srcObject }) => srcObject).map((video) => video.play());
    if ((await Promise.allSettled(plays)).some(({ status }) => status === "rejected")) return;
    isWaitingForPress = false;
    byId("call-said").textContent = "";
    for (const event of ["pointerup", "keydown"]) removeEventListener(event, press);
  };
  for (const event of ["pointerup", "keydown"]) addEventListener(event, press);
}

// Coming back to the page from another app: what stopped playing meanwhile is asked to go on.
document.addEventListener("visibilitychange", () => {
  if (document.hidden || !now.call) return;
  for (const video of document.querySelectorAll("#tiles figure video")) if (video.paused && video.srcObject) video.play().catch(resumeOnPress);
});

const toggle = (id, act, [off, on]) => byId(id)?.addEventListener("click", async ({ currentTarget: button }) => {
  const isOn = button.getAttribute("aria-pressed") !== "true";
  try { await act(isOn); } catch { return; }
  button.setAttribute("aria-pressed", String(isOn));
  button.textContent = isOn ? on : off;
});
toggle("mute", (isOn) => now.call?.mute(isOn), ["Mute", "Unmute"]);
toggle("camera", (isOn) => now.call?.camera(!isOn), ["Camera off", "Camera on"]);
toggle("screen", (isOn) => (isOn ? now.call?.shareScreen() : now.call?.stopScreen()), ["Share the screen", "Stop sharing"]);
toggle("lock-room", (isOn) => now.call?.lock(isOn), ["Lock the room", "Unlock the room"]);
byId("screen").hidden = !navigator.mediaDevices?.getDisplayMedia;
byId("float").hidden = !document.pictureInPictureEnabled;
byId("float").addEventListener("click", () => document.querySelector("#tiles figure video")?.requestPictureInPicture().catch(() => { byId("call-said").textContent = "This browser shows no picture over other windows."; }));
byId("leave").addEventListener("click", () => now.call?.leave());
byId("end")?.addEventListener("click", () => now.call?.end());
byId("same").addEventListener("click", () => compared(true));
byId("differ").addEventListener("click", () => compared(false));
