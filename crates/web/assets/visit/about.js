// What is known of the visit: how the patient was identified, what they agreed to, where they are. It stays beside the call.

import { byId } from "./page.js";

const panel = byId("about");
let asking = null;
let isDue = false;

async function ask() {
  const get = () => fetch(panel.dataset.about, { headers: { accept: "application/json" }, credentials: "same-origin" });
  let answer = await get();
  let told = await answer.json();
  if (answer.status === 401 && told.prove && await globalThis.wardstone.prove(told.prove)) {
    answer = await get();
    told = await answer.json();
  }
  if (!answer.ok) return;
  draw(told);
  panel.dispatchEvent(new CustomEvent("told", { detail: told }));
}

function draw({ identity, consent, where, caution, brings, forms }) {
  const rows = [];
  const row = (name, ...parts) => rows.push([name, parts.filter(Boolean)]);
  row("Identified", ...(identity ? [`${identity.how.join(", ")} (${identity.at})`] : ["Not yet"]));
  row("Consent", consent ? `${consent.who}, ${consent.at}, in ${consent.language}, text ${consent.version}` : "Not yet");
  if (where) {
    row("Where they are", where.address, [where.state, where.country].filter(Boolean).join(", "));
    row("Emergency", call(where.number));
    row("Emergency contact", where.contact, call(where.phone));
  }
  if (brings) row("What brings them", brings);
  if (forms) row("Forms", ...forms.map(([words, to]) => to ? Object.assign(anchor(to, words), { target: "_blank" }) : words));
  byId("about-list").replaceChildren(...rows.flatMap(([name, parts]) => [cell("dt", [name]), cell("dd", parts)]));
  byId("about-none").hidden = Boolean(identity || consent || where);
  byId("about-list").hidden = !byId("about-none").hidden;
  byId("about-caution").textContent = caution ?? "";
  byId("about-caution").hidden = !caution;
}

function cell(kind, parts) {
  const made = document.createElement(kind);
  made.append(...parts.flatMap((part, at) => (at ? [document.createElement("br"), part] : [part])));
  return made;
}

const anchor = (href, textContent) => Object.assign(document.createElement("a"), { href, textContent });

function call(number) {
  return anchor(`tel:${number.replace(/[^+\d]/g, "")}`, number);
}

/** Asks anew: once at a time, and once more where it was asked meanwhile. */
export function refresh() {
  if (!panel) return;
  if (asking) { isDue = true; return; }
  asking = ask().catch(() => {}).finally(() => {
    asking = null;
    if (isDue) { isDue = false; refresh(); }
  });
}

refresh();
