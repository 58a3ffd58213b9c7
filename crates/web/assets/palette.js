// The command palette: Ctrl K, then patients, actions and pages from one field. What is typed goes by POST and stays nowhere.

const dialog = document.getElementById("palette");
const field = document.getElementById("palette-text");
const list = document.getElementById("palette-list");
const said = document.getElementById("palette-said");
const session = document.getElementById("session");
const seek = document.getElementById("seek");

const WAIT_MS = 180;
const LETTERS_MIN = 2;

let ways = null;
let finds = false;
let options = [];
let at = -1;
let patients = { hits: [], words: "", isLooking: false };
/// Rises with each text: an answer to an older one is dropped.
let turn = 0;
let asking = null;
let timer = 0;

async function post(address, body, signal, mayProve = true) {
  const headers = { accept: "application/json", "content-type": "application/json", "x-wardstone-csrf": session.dataset.csrf };
  const answer = await fetch(address, { method: "POST", headers, body: JSON.stringify(body), credentials: "same-origin", signal });
  const told = await answer.json();
  // A new connection proves the key of this browser once.
  if (answer.status === 401 && told.prove && mayProve && await globalThis.wardstone.prove(told.prove)) return post(address, body, signal, false);
  if (!answer.ok) throw new Error(told.error);
  return told;
}

/// The patient whose page this is, where it is open.
const openPatient = () => (document.querySelector(".closed") ? "" : document.querySelector("[data-patient]")?.dataset.patient ?? "");

async function open() {
  if (dialog.open) return dialog.close();
  for (const other of document.querySelectorAll("dialog[open]")) other.close();
  forget();
  dialog.showModal();
  draw();
  if (ways) return;
  try {
    const told = await post(dialog.dataset.ways, { patient: openPatient() });
    ways = told.groups;
    finds = told.finds;
    document.getElementById("palette-finds").hidden = !finds;
    ways.at(-1).ways.push(
      { name: "List of keys", also: "shortcuts keyboard", act: () => globalThis.wardstoneKeys.show() },
      { name: "Lock this screen", also: "leave away", act: () => document.getElementById("lock").click() },
    );
  } catch {
    said.textContent = "Actions and pages cannot be listed now. Try again in a moment.";
    return;
  }
  changed();
}

function forget() {
  turn += 1;
  asking?.abort();
  clearTimeout(timer);
  field.value = "";
  patients = { hits: [], words: "", isLooking: false };
  list.replaceChildren();
  said.textContent = "";
  options = [];
  at = -1;
}

// What fits: every word begins a word of the name, or of what else it is called. Names come before other words.

const parts = (text) => text.toLowerCase().split(/[^\p{L}\p{N}]+/u).filter(Boolean);
const begins = (words, name) => words.every((word) => parts(name).some((part) => part.startsWith(word)));

function fitting(group, words) {
  if (words.length === 0) return group.ways;
  const byName = group.ways.filter((way) => begins(words, way.name));
  const byOther = group.ways.filter((way) => !byName.includes(way) && begins(words, `${way.name} ${way.also}`));
  return [...byName, ...byOther];
}

function changed() {
  turn += 1;
  asking?.abort();
  clearTimeout(timer);
  const text = field.value.trim();
  const looks = finds && text.length >= LETTERS_MIN;
  patients = { hits: [], words: "", isLooking: looks };
  at = -1;
  draw();
  if (looks) timer = setTimeout(look, WAIT_MS, text, turn);
}

async function look(text, mine) {
  asking = new AbortController();
  let told;
  try {
    told = await post(dialog.dataset.patients, { text }, asking.signal);
  } catch (error) {
    if (error.name === "AbortError") return;
    told = { patients: [], words: "Patients cannot be looked for now. Try again in a moment." };
  }
  if (mine !== turn || !dialog.open) return;
  patients = { hits: told.patients, words: told.words, isLooking: false };
  draw();
}

// The list: actions and pages first, which are there at once; patients come behind, so that nothing moves under the hand.

function draw() {
  const words = parts(field.value);
  const chosen = options[at]?.key;
  options = [];
  const groups = [];
  for (const group of ways ?? []) {
    const fit = fitting(group, words);
    if (fit.length > 0) groups.push(section(group.name, fit.map((way) => option(way, wayLine(way)))));
  }
  if (patients.hits.length > 0) groups.push(section("Patients", patients.hits.map((hit) => option(hit, patientLine(hit)))));
  list.replaceChildren(...groups);
  list.hidden = options.length === 0;
  field.setAttribute("aria-expanded", String(options.length > 0));
  // Of several patients nobody is chosen by accident.
  const isOnly = options.length === 1 && !patients.isLooking;
  const isWay = options.length > 0 && !options[0].key.startsWith("patient") && words.length > 0;
  const again = options.findIndex((one) => one.key === chosen);
  choose(again >= 0 ? again : isOnly || isWay ? 0 : -1);
  tell(words);
}

function section(name, children) {
  const group = document.createElement("div");
  group.setAttribute("role", "group");
  const label = group.appendChild(document.createElement("div"));
  label.className = "group-name";
  label.id = `palette-group-${name.toLowerCase().replace(/\W+/g, "-")}`;
  label.setAttribute("role", "presentation");
  label.textContent = name;
  group.setAttribute("aria-labelledby", label.id);
  group.append(...children);
  return group;
}

function option(what, line) {
  line.setAttribute("role", "option");
  line.setAttribute("aria-selected", "false");
  line.id = `palette-option-${options.length}`;
  const key = `${what.born ? "patient" : "way"} ${what.address ?? what.name}`;
  options.push({ key, line, what });
  line.addEventListener("click", () => go(what));
  return line;
}

const text = (tag, words, className) => {
  const made = document.createElement(tag);
  made.textContent = words;
  if (className) made.className = className;
  return made;
};

function wayLine(way) {
  const line = document.createElement("div");
  line.append(text("span", way.name));
  return line;
}

function patientLine(hit) {
  const line = document.createElement("div");
  line.className = "hit";
  const [family, ...given] = hit.name.split(", ");
  const name = text("span", "", "hit-name");
  name.append(text("b", family), given.length > 0 ? `, ${given.join(", ")}` : "");
  const who = text("span", `${hit.born} · ${hit.number}`, "hit-who");
  line.append(name, text("span", " · ", "unseen"), who);
  for (const mark of hit.marks) line.append(text("span", " ", "unseen"), text("span", mark, "chip"));
  return line;
}

function choose(next) {
  options[at]?.line.setAttribute("aria-selected", "false");
  at = next;
  const line = options[at]?.line;
  if (!line) return field.removeAttribute("aria-activedescendant");
  line.setAttribute("aria-selected", "true");
  field.setAttribute("aria-activedescendant", line.id);
  line.scrollIntoView({ block: "nearest" });
}

/// Said once it stands still: how much there is, and what to do with it.
function tell(words) {
  if (!ways) return;
  const hits = patients.hits.length;
  const others = options.length - hits;
  const count = (number, one, many) => (number === 1 ? `1 ${one}` : `${number} ${many}`);
  const counts = [];
  if (others > 0) counts.push(count(others, "action or page", "actions and pages"));
  if (hits > 0) counts.push(count(hits, "patient", "patients"));
  let line = counts.join(", ");
  if (patients.isLooking) line = line ? `${line}; looking for patients…` : "Looking for patients…";
  else if (options.length === 0 && !patients.words) line = words.length > 0 ? "Nothing is called that." : "";
  said.textContent = [line && !/[.…]$/.test(line) ? `${line}.` : line, patients.words].filter(Boolean).join(" ");
}

function go(what) {
  dialog.close();
  if (what.act) what.act(); else globalThis.wardstone.go(what.address);
}

field.addEventListener("input", changed);
field.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  const last = options.length - 1;
  const next = { ArrowDown: at >= last ? 0 : at + 1, ArrowUp: at <= 0 ? last : at - 1 }[event.key];
  if (next !== undefined && last >= 0) {
    event.preventDefault();
    choose(next);
  } else if (event.key === "Enter") {
    event.preventDefault();
    if (options[at]) go(options[at].what);
    else if (options.length > 1) said.textContent = "Choose one with the arrow keys.";
  }
});
// A click beside it closes it.
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
dialog.addEventListener("close", forget);
addEventListener("pagehide", () => { if (dialog.open) dialog.close(); });

document.addEventListener("keydown", (event) => {
  if (event.key?.toLowerCase() !== "k" || event.altKey || event.shiftKey || event.ctrlKey === event.metaKey) return;
  event.preventDefault();
  open();
});
seek.addEventListener("click", open);
