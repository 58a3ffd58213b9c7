// A visit of high risk: what is asked for and what was done, who may be let in, and what flows before. For the clinician also whom they
// see, and whether addresses are hidden.

import { refresh } from "./about.js";
import { draw, links } from "./host.js";
import { byId, isHost, now, post } from "./page.js";

const panel = byId("risk");
const SOUND_ALONE = "This visit asks for more care. Until you have read the words to each other, and both said that they are the same, there is sound alone.";
/** Whose keys a passkey signed, by place and key: looked at again with each word of the server. */
let fit = new Set();

const place = ({ id, sign, keys }) => `${id}/${sign ?? keys?.sign}`;

/** The row of somebody who waits: without what is asked for nobody lets them in, and it says why. */
export function bar(item, one) {
  const gate = now.call?.gate;
  const isAsked = gate?.isHigh && ["patient", "proxy"].includes(one.role);
  if (!isAsked || fit.has(place(one))) return item;
  const button = item.querySelector("button");
  const why = document.createElement("small");
  why.id = `bar-${one.id}`;
  why.textContent = gate.hasVouched(one.id)
    ? "Their passkey signed other keys than those that came here. Do not let them in."
    : "They are asked for their passkey. To go on without it, say why under “Care”.";
  button.disabled = true;
  button.setAttribute("aria-describedby", why.id);
  item.append(why);
  return item;
}

async function look(made) {
  const found = new Set();
  for (const one of made.present) if (one.keys && await made.gate.lets(made.visit, { id: one.id, role: one.role, ...one.keys })) found.add(place(one));
  if (now.call !== made) return;
  fit = found;
  draw(made.present);
}

/** Listens to a call that begins. */
export function watch(made) {
  const on = (name, act) => made.addEventListener(name, ({ detail }) => { if (now.call === made) act(detail); });
  on("risk", (risk) => {
    if (isHost) { look(made); ask(); } else import("./passkey.js").then(({ askPasskey }) => askPasskey(made, risk));
  });
  on("present", () => {
    if (!isHost) return;
    ask();
    if (made.gate.isHigh) look(made);
  });
  on("gate", () => gated(made));
  on("roster", () => gated(made));
  on("state", ({ call }) => { if (call === "joined" && byId("relay-said")) byId("relay-said").hidden = !made.relayOnly; });
}

/** What does not flow yet is said, and a message is not taken that would not go. */
function gated(made) {
  const isOpen = made.isOpen;
  let said = byId("risk-said");
  if (!said) {
    if (!byId("words")) return;
    said = Object.assign(document.createElement("p"), { id: "risk-said", className: "caution" });
    said.setAttribute("role", "status");
    byId("words").before(said);
  }
  said.hidden = isOpen;
  said.textContent = isOpen ? "" : SOUND_ALONE;
  const send = byId("talk")?.querySelector("button");
  if (send) send.disabled = !isOpen;
}

// The clinician's panel.

function told(risk) {
  // A screen that is locked beside the call has no panel.
  if (!byId("risk-list")) return;
  const rows = [];
  const row = (name, words) => rows.push([name, words]);
  const why = [risk.label && "by what the record says", risk.high && !risk.label && "set by hand"].filter(Boolean).join(", ");
  row("Risk", risk.high ? `High, ${why}` : "Ordinary");
  if (risk.high) {
    row("Passkey", risk.passkey ? `${risk.passkey.since} (${risk.passkey.at})` : "Not yet");
    row("Words", risk.words ? "The same on both sides" : "Not yet read to each other");
  }
  if (risk.reason) row("Going on without", risk.reason);
  row("Known by sight", risk.eye ? `Yes (${risk.eye})` : "Not yet");
  const cell = (kind, words) => Object.assign(document.createElement(kind), { textContent: words });
  if (risk.links) {
    links(risk.links);
    byId("made").hidden = true;
  }
  byId("risk-list").replaceChildren(...rows.flatMap(([name, words]) => [cell("dt", name), cell("dd", words)]));
  byId("raise").disabled = false;
  byId("raise").hidden = risk.asked;
  byId("waive").hidden = !risk.asked;
  byId("relay-only").checked = risk.relay;
  byId("relay-only").disabled = risk.open;
  // Before anybody said who they are there is nobody to know.
  byId("seen").hidden = !risk.came;
  byId("same-person").disabled = Boolean(risk.eye);
}

async function ask() {
  const answer = await fetch(panel.dataset.risk, { headers: { accept: "application/json" }, credentials: "same-origin" });
  if (answer.ok) told(await answer.json());
}

async function act(address, body) {
  let words = "";
  try { told(await post(address, body)); } catch (error) { words = error.message; await ask(); }
  byId("risk-trouble").textContent = words;
  byId("risk-trouble").hidden = !words;
}

if (panel) {
  byId("raise").addEventListener("click", () => act(panel.dataset.risk, {}));
  byId("waive").addEventListener("submit", (event) => {
    event.preventDefault();
    act(panel.dataset.risk, { reason: byId("risk-reason").value });
  });
  byId("relay-only").addEventListener("change", ({ currentTarget }) => act(panel.dataset.relay, { only: currentTarget.checked }));
  byId("same-person").addEventListener("click", () => act(panel.dataset.seen, { same: true }));
  byId("other-person").addEventListener("click", async () => {
    await act(panel.dataset.seen, { same: false });
    refresh();
  });
  ask().catch(() => {});
}
