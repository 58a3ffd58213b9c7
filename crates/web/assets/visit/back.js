// A phone that rings, a page that sleeps: what the others are told meanwhile, and the way back. Sound and picture are asked for again by
// themselves, and by a button where the browser wants a press.

import { byId, now } from "./page.js";

/** After a phone call the system may give back by itself what it took. */
const GIVEN_BACK_MS = 1_500;
/** And what was refused is asked for again, unless the browser wants a press. */
const ASK_AGAIN_MS = 5_000;
let isRestoring = false;
let timer = null;

function part() {
  let held = byId("back");
  if (held) return held;
  held = Object.assign(document.createElement("div"), { id: "back", className: "caution" });
  held.setAttribute("role", "status");
  const said = Object.assign(document.createElement("p"), { id: "back-said" });
  const act = document.createElement("p");
  const button = Object.assign(document.createElement("button"), { type: "button", id: "back-use", textContent: "Start my sound and picture again" });
  button.addEventListener("click", () => restore(true));
  act.append(button);
  held.append(said, act);
  byId("stage").before(held);
  return held;
}

function told(words, isToPress = false) {
  if (!words && !byId("back")) return;
  part().hidden = !words;
  byId("back-said").textContent = words;
  byId("back-use").hidden = !isToPress;
}

const WORDS = { audio: "microphone", video: "camera" };
const things = (kinds) => kinds.map((kind) => WORDS[kind]).join(" and ");

/** What was taken and not given back is asked for; a page that nobody looks at asks for nothing. */
async function restore(isPressed = false) {
  const { call } = now;
  if (!call || isRestoring) return;
  const { taken } = call.media;
  if (taken.length === 0) { told(""); return; }
  if (document.hidden && !isPressed) return;
  isRestoring = true;
  try {
    await call.media.restore();
    if (now.call === call) told("");
  } catch (error) {
    if (error.name !== "NotAllowedError") later(ASK_AGAIN_MS);
    if (now.call === call) told(`Your ${things(call.media.taken)} ${call.media.taken.length > 1 ? "are" : "is"} in use by something else, such as a phone call. Nobody hears or sees you meanwhile; your place is kept.`, true);
  } finally { isRestoring = false; }
}

function later(ms = GIVEN_BACK_MS) {
  clearTimeout(timer);
  timer = setTimeout(restore, ms);
}

function wake() {
  if (!now.call || document.hidden) return;
  now.call.wake();
  later();
}

/** Follows a call from its beginning. */
export function follow(call) {
  told("");
  call.media.addEventListener("taken", () => {
    if (now.call !== call) return;
    const { taken } = call.media;
    if (taken.length === 0) { told(""); return; }
    told(`Your ${things(taken)} ${taken.length > 1 ? "are" : "is"} on hold, as in a phone call. Nobody ${taken.includes("audio") ? "hears" : "sees"} you meanwhile; your place is kept.`, true);
    later();
  });
  call.media.addEventListener("changed", () => { if (now.call === call && call.media.taken.length === 0) told(""); });
}

document.addEventListener("freeze", () => now.call?.sleep());
// Still hidden then: the line and the connections do not wait for eyes.
document.addEventListener("resume", () => { now.call?.wake(); later(); });
document.addEventListener("visibilitychange", wake);
addEventListener("pageshow", ({ persisted }) => { if (persisted) wake(); });
addEventListener("online", wake);
