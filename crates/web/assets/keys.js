// The keys of all pages, in one place: what acts, when, and the list of them. Without scripts there is none, and all of it is done by Tab.

const session = document.getElementById("session");
const list = document.getElementById("key-list");
const rows = document.getElementById("key-rows");
/// How long a letter is waited for after g.
const GO_MS = 1_500;
const held = [];
let isOff = session?.dataset.letters === "off";
let goUntil = 0;

/// Each `{ key, says, act }`; an act that answers false did nothing, and the key is the browser's.
const add = (...keys) => held.push(...keys);
globalThis.wardstoneKeys = Object.freeze({ add, show, isOff: () => isOff });

const TYPED_INTO = "input:not([type=checkbox], [type=radio], [type=button], [type=submit]), textarea, select, [contenteditable], [role=combobox]";

/// Single letters are keys only where nothing is typed, never with a modifier, and can be switched off (WCAG 2.1.4).
document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Shift") return;
  if (isOff && event.key !== "Enter") return;
  if (event.target.closest?.(TYPED_INTO) || document.querySelector("dialog[open]")) return;
  const goes = event.timeStamp < goUntil;
  goUntil = 0;
  if (event.key === "g" && !goes) {
    goUntil = event.timeStamp + GO_MS;
    return;
  }
  const key = goes ? `g ${event.key}` : event.key;
  const found = held.find((one) => one.key === key);
  if (found && found.act() !== false) event.preventDefault();
});

/// The field of this page in which something is looked for.
const field = () => {
  const fields = document.querySelectorAll("[data-find], main [role=search] input:not([type=hidden])");
  return [...fields].find((one) => one.checkVisibility());
};

add({ key: "/", says: "find on this page; where there is no such field, find anything", act: () => {
  const place = field();
  if (!place) return document.getElementById("seek")?.click();
  place.focus();
  place.select();
} });
for (const link of document.querySelectorAll("[data-letter]")) {
  add({ key: `g ${link.dataset.letter}`, says: link.dataset.name ?? link.textContent.trim(), act: () => globalThis.wardstone.go(link.href) });
}
add({ key: "?", says: "this list", act: show });

function show() {
  if (!list || list.open) return;
  const line = ({ key, says }) => {
    const row = document.createElement("tr");
    const name = row.appendChild(document.createElement("th"));
    name.scope = "row";
    for (const part of key.split(" ")) name.appendChild(document.createElement("kbd")).textContent = part;
    row.appendChild(document.createElement("td")).textContent = says;
    return row;
  };
  const whole = { key: "Ctrl K", says: "patients, actions and pages; ⌘ K on a Mac" };
  rows.replaceChildren(...[whole, ...held].map(line));
  list.showModal();
}

// On or off, for this person on every device.

const forms = document.querySelectorAll("form[data-letters]");

function say() {
  const off = isOff;
  for (const form of forms) {
    const button = form.querySelector("button");
    form.querySelector("[data-state]").textContent = off ? "They are off: only Ctrl K acts." : "They are on.";
    button.value = off ? "on" : "off";
    button.textContent = off ? "Switch them on" : "Switch them off";
  }
  session.dataset.letters = off ? "off" : "on";
  document.dispatchEvent(new Event("wardstone-letters"));
}

for (const form of forms) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const wanted = event.submitter.value;
    const body = new URLSearchParams({ csrf: form.elements.csrf.value, letters: wanted });
    // It answers by leading to the account, where nobody has to go.
    const answer = await fetch(form.action, { method: "POST", body, redirect: "manual", credentials: "same-origin" }).catch(() => null);
    if (answer?.type !== "opaqueredirect") {
      form.querySelector("[data-state]").textContent = "This was not saved. Try again in a moment.";
      return;
    }
    isOff = wanted === "off";
    say();
  });
}

document.getElementById("all-keys")?.addEventListener("click", show);
