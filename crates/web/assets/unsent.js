// What is typed and not sent. A form that is sent while there is no connection stays where it is, for the browser's own page about that
// keeps nothing of it; one that was changed asks before it is left. Notes keep drafts and ask for themselves.

const { hears } = globalThis.wardstone;
const alert = document.getElementById("unsent");
const LOST = "No connection. Nothing was sent; what you typed is still here. Press again when there is one.";
const TRY_MS = 4_000;
/** Forms for which it is being tried whether the server answers, and those for which it did. */
const tried = new WeakSet();
const free = new WeakSet();

async function isThere() {
  if (!navigator.onLine) return false;
  const answer = await fetch("/assets/icon.svg", { method: "HEAD", cache: "no-store", signal: AbortSignal.timeout(TRY_MS) }).catch(() => null);
  return answer?.ok ?? false;
}

function say(words) {
  alert.hidden = !words;
  if (alert.textContent !== words) alert.textContent = words;
}

// Before anybody else hears of it. Who locks or signs out is not kept: then what stands here goes, whatever comes instead.
addEventListener("submit", async (event) => {
  const { target: form, submitter } = event;
  if (form.method === "dialog" || form.closest(".self")) return;
  if (free.delete(form) || hears()) { say(""); return; }
  event.preventDefault();
  event.stopImmediatePropagation();
  if (tried.has(form)) return;
  tried.add(form);
  say("");
  const answers = await isThere();
  tried.delete(form);
  if (!answers) return say(LOST);
  free.add(form);
  form.requestSubmit(submitter);
}, true);
addEventListener("online", () => say(""));

// Forms that their person changed. What only finds something is no loss.

const counts = (form) => form.method === "post" && !form.matches("#note, [role=search], .self form");
const NOT_TYPED = ["hidden", "password", "submit", "button", "reset", "fieldset"];
const value = (field) => (field.type === "file" ? field.files.length : field.type === "checkbox" || field.type === "radio" ? field.checked : field.value);
const read = (form) => JSON.stringify([...form.elements].filter((field) => !NOT_TYPED.includes(field.type)).map(value));
const begun = new Map([...document.forms].filter(counts).map((form) => [form, read(form)]));
const changed = new Set();
let sent = null;
let isOver = false;
const isLost = () => [...changed].some((form) => form.isConnected && read(form) !== begun.get(form));

for (const sign of ["input", "change"]) {
  addEventListener(sign, ({ target: { form } }) => { if (form && counts(form)) changed.add(form); }, true);
}
// Behind everybody else, who may keep it here or send it themselves.
addEventListener("submit", (event) => {
  if (event.defaultPrevented || !changed.delete(event.target)) return;
  sent = event.target;
});
globalThis.navigation?.addEventListener("navigateerror", () => { if (sent) changed.add(sent); });
// A screen that locks for want of activity asks nobody.
addEventListener("session-ended", () => { isOver = true; });
addEventListener("session-resumed", () => { isOver = false; });
addEventListener("beforeunload", (event) => { if (!isOver && isLost()) event.preventDefault(); });
