// A note that is being written: saved while one types, kept sealed on this device until the server has it, and never left before.

const form = document.getElementById("note");
const IDLE_MS = 2_000;
const RETRY_MS = 5_000;
const KEEP_MS = 200;
const KEPT_DAYS = 7;

const { prove } = globalThis.wardstone;
const csrf = form.elements.csrf.value;
const parts = [...document.querySelectorAll("[data-part]")];
const tab = String(crypto.getRandomValues(new BigUint64Array(1))[0] | 1n);
let version = Number(form.elements.based_on.value);
let turn = 0;
let acknowledged = text();
let saving = null;
let idle, retry, keeping;

function read() {
  return Object.fromEntries(parts.map((part) => [part.name, part.value]));
}
function text() { return JSON.stringify(read()); }
function isDirty() { return text() !== acknowledged; }

function say(state, trouble) {
  const saved = document.getElementById("saved");
  if (saved.textContent !== state) saved.textContent = state;
  saved.classList.toggle("waits", !state.startsWith("Saved"));
  const place = document.getElementById("trouble");
  place.hidden = !trouble;
  if (trouble && place.textContent !== trouble) place.textContent = trouble;
}

// Sealed on this device, under a key that the server gives to the author alone: it is held by the browser and not stored.

const opened = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});
const drawer = (() => {
  const opening = indexedDB.open("wardstone-notes", 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore("unsent");
  return opened(opening);
})();
const unsent = async (mode) => (await drawer).transaction("unsent", mode).objectStore("unsent");
const importKey = (base64) => crypto.subtle.importKey("raw", Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)), "AES-GCM", false, ["encrypt", "decrypt"]);
const key = importKey(form.dataset.key);
form.removeAttribute("data-key");
const place = `${form.dataset.patient}/${form.dataset.draft}`;

// One after the other, so that what is saved is not put back behind its removal.
let shelf = Promise.resolve();
const queued = (work) => { shelf = shelf.then(work, work); return shelf; };
const keep = () => queued(async () => {
  if (!isDirty()) return;
  const kept = { fields: read(), based_on: version, tab, turn };
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, await key, new TextEncoder().encode(JSON.stringify(kept)));
  await opened((await unsent("readwrite")).put({ iv, sealed, at: Date.now() }, place));
});
const forget = (of = place) => queued(async () => opened((await unsent("readwrite")).delete(of)));
async function unseal(entry, under) {
  const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv: entry.iv }, await under, entry.sealed);
  return JSON.parse(new TextDecoder().decode(plain));
}

// Requests.

async function post(address, body, more = {}) {
  const headers = { accept: "application/json", "content-type": "application/json", "x-wardstone-csrf": csrf };
  const ask = () => fetch(address, { method: "POST", headers, body: JSON.stringify(body), credentials: "same-origin", ...more });
  let answer = await ask();
  let told = await answer.json().catch(() => ({}));
  if (answer.status === 401 && told.prove && await prove(told.prove)) {
    answer = await ask();
    told = await answer.json().catch(() => ({}));
  }
  return { answer, told };
}
const sent = () => ({
  content: read(), ticket: form.elements.ticket.value, based_on: version, tab, turn: ++turn,
  addendum: form.elements.addendum.value, encounter: form.elements.encounter.value,
});

function leave(next) {
  acknowledged = text();
  location.replace(next);
}

/** One save at a time; what is typed meanwhile is the next. True when the server has everything. */
function flush() {
  clearTimeout(idle);
  clearTimeout(retry);
  saving ??= save().finally(() => { saving = null; });
  return saving.then((done) => (done && isDirty() ? flush() : done));
}

async function save() {
  const what = text();
  if (what === acknowledged) return true;
  say("Saving…");
  let answer, told;
  try {
    ({ answer, told } = await post(form.action, sent()));
  } catch {
    say("Not saved yet", "The server cannot be reached. What you type is kept sealed on this device and sent as soon as it can be.");
    retry = setTimeout(flush, RETRY_MS);
    return false;
  }
  if (answer.ok) {
    acknowledged = what;
    version = told.version;
    form.elements.based_on.value = version;
    for (const field of document.querySelectorAll("[data-version]")) field.value = version;
    if (location.pathname !== told.place) {
      form.action = told.place;
      history.replaceState(null, "", told.place);
    }
    say(isDirty() ? "Not saved yet" : `Saved ${told.saved}`);
    if (!isDirty()) await forget().catch(() => {});
    return true;
  }
  // The session has ended, or there is another text or a signature: it is kept, and goes on there.
  if (told.next) {
    // The server has that text; what was typed meanwhile is sent from this device there.
    clearTimeout(keeping);
    await (text() === what ? forget() : keep()).catch(() => {});
    leave(told.next);
    return false;
  }
  say("Not saved yet", told.error ?? "The note could not be saved. It is kept sealed on this device and sent again.");
  retry = setTimeout(flush, RETRY_MS);
  return false;
}

function changed() {
  if (!isDirty()) return;
  if (!saving) say("Not saved yet");
  clearTimeout(keeping);
  keeping = setTimeout(() => keep().catch(() => {}), KEEP_MS);
  clearTimeout(idle);
  idle = setTimeout(flush, IDLE_MS);
}

for (const part of parts) {
  part.addEventListener("input", () => { changed(); expand(part); });
  part.addEventListener("blur", () => { if (isDirty()) flush(); });
}
addEventListener("online", () => { if (isDirty()) flush(); });

// Leaving waits for the server.

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  if (!link || !isDirty() || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  flush().then((done) => { if (done) location.assign(link.href); });
});
document.addEventListener("submit", async (event) => {
  const leaving = event.target;
  if (leaving.dataset.ready || (leaving !== form && !isDirty() && !saving)) return;
  event.preventDefault();
  const button = event.submitter;
  if (!await flush()) return;
  form.elements.tab.value = tab;
  form.elements.turn.value = ++turn;
  leaving.dataset.ready = "yes";
  acknowledged = text();
  // Not while the first submission is still being told of: it would be dropped.
  setTimeout(() => leaving.requestSubmit(button));
});
// A screen that locks does not wait for an answer: what is typed is kept on both sides.
let isOver = false;
addEventListener("session-ended", () => {
  isOver = true;
  keep().catch(() => {});
});
// Beside a call the page around asks that nothing is left here alone.
addEventListener("settle", ({ detail: waits }) => { waits.push(isOver ? keep() : flush().then((done) => done || keep())); });
addEventListener("beforeunload", (event) => { if (isDirty() && !isOver) event.preventDefault(); });
addEventListener("pagehide", () => {
  if (!isDirty()) return;
  const headers = { accept: "application/json", "content-type": "application/json", "x-wardstone-csrf": csrf };
  fetch(form.action, { method: "POST", keepalive: true, headers, body: JSON.stringify(sent()), credentials: "same-origin" }).catch(() => {});
});
// Back from the browser's memory: what stands there is of before.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

// Dot phrases, as soon as one is finished.

const PHRASE = /(?:^|\s)(\.[a-z][a-z0-9-]*)\s$/;
const phrases = new Set([...document.querySelectorAll(".phrases code")].map((code) => code.textContent));
async function expand(part) {
  const found = PHRASE.exec(part.value.slice(0, part.selectionStart ?? 0));
  if (!found || !phrases.has(found[1])) return;
  const phrase = found[1];
  const { answer, told } = await post(`${form.action}/phrase`, { phrase, encounter: form.elements.encounter.value }).catch(() => ({}));
  if (!answer?.ok) return;
  // Typing went on meanwhile.
  const at = new RegExp(`(^|\\s)\\${phrase}(?=\\s)`).exec(part.value);
  if (!at) return;
  const from = at.index + at[1].length;
  part.setRangeText(told.text, from, from + phrase.length, "preserve");
  changed();
}

// What an earlier page could not send: a tab that crashed, a browser that was closed.

function put(fields) {
  for (const part of parts) if (part.name in fields) part.value = fields[part.name];
}

async function restore() {
  const entry = await opened((await unsent("readonly")).get(place));
  if (!entry) return;
  const held = await unseal(entry, key).catch(() => null);
  if (!held || JSON.stringify(held.fields) === text()) return forget();
  if (held.based_on === version) {
    put(held.fields);
    say("Not saved yet");
    await flush();
    return;
  }
  // Something else was saved since: the server keeps both, and its page asks.
  const body = { ...sent(), content: held.fields, based_on: held.based_on, tab: held.tab, turn: held.turn + 1 };
  const { answer, told } = await post(form.action, body);
  if (!answer.ok && !told.next) return;
  await forget();
  if (told.next) leave(told.next);
}

/** Notes of this chart that never reached the server. Another person's do not open. */
async function others() {
  const store = await unsent("readonly");
  const [names, entries] = await Promise.all([opened(store.getAllKeys()), opened(store.getAll())]);
  for (const [at, name] of names.entries()) {
    if (Date.now() - entries[at].at > KEPT_DAYS * 86_400_000) { await forget(name); continue; }
    const [patient, draft] = name.split("/");
    if (patient !== form.dataset.patient || name === place) continue;
    const address = `/patients/${patient}/notes/${draft}`;
    const { answer, told } = await post(`${address}/key`, {}).catch(() => ({}));
    if (!answer?.ok) continue;
    const held = await unseal(entries[at], importKey(told.key)).catch(() => null);
    if (!held) continue;
    const body = { ...sent(), content: held.fields, based_on: held.based_on, tab: held.tab, turn: held.turn + 1, addendum: "", encounter: "" };
    const saved = await post(address, body).catch(() => ({}));
    const next = saved.told?.place ?? saved.told?.next;
    if (!next) continue;
    await forget(name);
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = next;
    link.textContent = "A note that this browser had not sent: go on with it";
    item.append(link);
    document.getElementById("found-list").append(item);
    document.getElementById("found").hidden = false;
  }
}

await restore().catch(() => {});
await others().catch(() => {});
