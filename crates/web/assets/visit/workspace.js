// What stands beside the call: the patient's chart and the note of this visit, each in a frame of its own that is loaded when it is asked
// for. The call goes on whatever happens there; when the screen locks they go, and come back where they were.

import { WINDOW, byId, outside, root } from "./page.js";

const WAYS = { chart: `/patients/${root.dataset.patient}`, note: `/appointments/${root.dataset.visit}/visit/note` };
const TITLES = { chart: "Chart of the patient", note: "Note of this visit" };
/** Nothing in a frame moves the page of the call away, by accident neither. */
const SANDBOX = "allow-same-origin allow-scripts allow-forms allow-modals allow-downloads allow-popups allow-popups-to-escape-sandbox";
const ALLOW = "camera 'none'; microphone 'none'; display-capture 'none'";
const SETTLE_MS_MAX = 5_000;
/** After that the frames go: nothing of a chart stays on a screen that is locked. */
const LOCK_MS_MAX = 1_500;

const place = byId("workspace");
const said = byId("workspace-said");
const choices = [...document.querySelectorAll("[data-beside]")];
const panes = new Map();
/** Where each was, and how far down, while it is not there. */
const left = new Map();
let shown = "room";
let isShut = false;

const page = (frame) => { try { return frame.contentDocument && frame.contentWindow; } catch { return null; } };
const wait = (ms) => new Promise((done) => { setTimeout(done, ms); });

/** What is typed in frames is with the server, or sealed on this device; or it took too long. */
function settle(frames, most) {
  return Promise.race([Promise.allSettled(frames.map((frame) => page(frame)?.wardstoneBeside?.settle())), wait(most)]);
}

function pane(name) {
  const frame = panes.get(name) ?? Object.assign(document.createElement("iframe"), { title: TITLES[name], allow: ALLOW, src: left.get(name)?.address ?? WAYS[name] });
  if (panes.has(name)) return frame;
  frame.sandbox.value = SANDBOX;
  frame.dataset.pane = name;
  frame.addEventListener("load", () => arrived(name, frame));
  panes.set(name, frame);
  said.textContent = `Opening: ${TITLES[name]}…`;
  place.append(frame);
  return frame;
}

function arrived(name, frame) {
  const there = page(frame);
  if (!there) {
    said.replaceChildren("This does not open beside the call. ", again(name));
    frame.remove();
    panes.delete(name);
    return;
  }
  said.textContent = "";
  there.scrollTo({ top: left.get(name)?.down ?? 0, behavior: "instant" });
  left.delete(name);
}

function again(name) {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: `Open it from the beginning: ${TITLES[name]}` });
  button.addEventListener("click", () => { left.delete(name); show(name); });
  return button;
}

function remember() {
  for (const [name, frame] of panes) {
    const there = page(frame);
    // What never arrived begins again.
    if (there?.wardstoneBeside) left.set(name, { address: there.location.pathname + there.location.search, down: Math.round(there.scrollY) });
  }
}

export function show(name) {
  shown = name;
  const isRoom = name === "room";
  if (!isRoom) pane(name);
  for (const [one, frame] of panes) frame.classList.toggle("behind", one !== name);
  root.classList.toggle("working", !isRoom);
  place.classList.toggle("behind", isRoom);
  place.hidden = panes.size === 0;
  for (const choice of choices) choice.setAttribute("aria-pressed", String(choice.dataset.beside === name));
}

/** The frames go: at once for the eye, and from the document when what is typed in them is kept. */
function shut() {
  remember();
  isShut = true;
  root.classList.remove("working");
  place.hidden = true;
  const going = [...panes.values()];
  panes.clear();
  for (const frame of going) page(frame)?.dispatchEvent(new Event("session-ended"));
  settle(going, LOCK_MS_MAX).then(() => { for (const frame of going) frame.remove(); });
}

/** A window of its own instead: nobody writes one note in two places unawares. */
async function toWindow(name, link) {
  const frame = panes.get(name);
  if (frame) {
    await settle([frame], SETTLE_MS_MAX);
    frame.remove();
    panes.delete(name);
    show("room");
  }
  open(link.href, link.target);
}

function back() {
  globalThis.focus();
  const mute = byId("mute");
  (mute.checkVisibility() ? mute : choices.find((choice) => choice.dataset.beside === shown)).focus();
}

function forth() {
  const frame = panes.get(shown);
  const there = frame && page(frame);
  if (!there) return false;
  frame.focus();
  there.wardstoneBeside?.enter();
  return true;
}

for (const link of document.querySelectorAll("[data-window]")) {
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    toWindow(link.dataset.window, link);
  });
}

addEventListener("keydown", (event) => {
  if (event.key !== "F6" || event.ctrlKey || event.altKey || event.metaKey || isShut || document.querySelector("dialog[open]")) return;
  if (forth()) event.preventDefault();
}, true);
globalThis.wardstoneKeys?.add({ key: "F6", says: "between the call and what is beside it", act: forth });

addEventListener("session-ended", () => { if (!isShut) shut(); });
addEventListener("session-resumed", () => {
  isShut = false;
  show(shown);
});

// Who locks or signs out first has everything saved.
let isSettled = false;
addEventListener("submit", (event) => {
  const form = event.target;
  if (isSettled || panes.size === 0 || !["?lock", "/signout"].includes(form.getAttribute("action"))) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  // Not while the first submission is still being told of: it would be dropped.
  settle([...panes.values()], SETTLE_MS_MAX).then(() => setTimeout(() => {
    isSettled = true;
    form.requestSubmit();
    isSettled = false;
  }));
}, true);

globalThis.wardstoneCall = Object.freeze({
  patient: root.dataset.patient, visit: root.dataset.visit, window: WINDOW, show, outside, back,
  lock: () => document.getElementById("lock")?.click(),
});
