// Words in the call, and what is said about them: what comes is shown, and nothing is kept when the call is over.

import { captioned, noCaptions } from "./captions.js";
import { came, coming, noFiles } from "./files.js";
import { byId, now } from "./page.js";

const LINES_MAX = 200;
const NOTICES = {
  "saving-talk": "The clinician is about to save messages of this call to the chart.",
  "saved-talk": "The clinician saved this conversation to the chart.",
  "saving-file": "The clinician is about to save a file of this call to the chart.",
  "saved-file": "The clinician saved a file of this call to the chart.",
  "held-file": "The file is held back until it has been looked into.",
  "not-saved": "It was not saved.",
};

/** What was written, oldest first, while the call lasts. */
export const lines = [];
let ofCall = null;

export function line(by, text) {
  lines.push({ by, text, at_ms: Date.now() });
  if (lines.length > LINES_MAX) lines.shift();
  show(by, text);
}

function show(by, text) {
  const item = document.createElement("li");
  const name = document.createElement("b");
  name.textContent = by ? `${by} ` : "";
  if (!by) item.className = "quiet";
  item.append(name, text);
  const all = byId("lines");
  all.append(item);
  if (all.children.length > LINES_MAX) all.firstElementChild.remove();
  all.scrollTop = all.scrollHeight;
}

export function notice(what) { if (NOTICES[what]) show("", NOTICES[what]); }

/** Listens to what members of a call write, send and say. */
export function hear(call) {
  if (ofCall !== call.visit) forget();
  ofCall = call.visit;
  const on = (name, act) => call.addEventListener(name, ({ detail }) => { if (now.call === call) act(detail); });
  const label = (id) => now.labels.get(id) ?? "Somebody";
  on("chat", ({ from, text, file }) => (file ? came({ from, file }) : line(label(from), text)));
  on("file", coming);
  on("caption", ({ from, text }) => captioned(label(from), text));
  on("notice", ({ what }) => notice(what));
  // The call is over: what was written and sent is gone from this page too.
  call.addEventListener("state", ({ detail }) => { if (["ended", "removed", "left"].includes(detail.call)) forget(); });
}

function forget() {
  lines.length = 0;
  byId("lines").replaceChildren();
  noCaptions();
  noFiles();
}

byId("talk").addEventListener("submit", async (event) => {
  event.preventDefault();
  const field = byId("say");
  const text = field.value.trim();
  if (!text || !now.call?.talk) return;
  try { await now.call.say(text); }
  catch { byId("file-said").textContent = "The message was not sent. Try again when the others are connected."; return; }
  line("You", text);
  field.value = "";
});
