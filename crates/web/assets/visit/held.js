// Files that were to go into the chart and are held back: what is known of them, and the two things one does with them.

import { byId, isHost, post, root, row } from "./page.js";

export const at = (path) => `/appointments/${root.dataset.visit}/visit/${path}`;
export const say = (words) => { byId("chart-said").textContent = words; };

/** Whether something looks into files at all. */
export let hasScanner = false;

export function held({ held: all, scanner }) {
  hasScanner = scanner;
  byId("held").replaceChildren(...all.map(({ name, title, why }) => row(`${title}: ${why}`, ["Look again", () => retry(name)], ["Throw away", () => drop(name)])));
  byId("held-part").hidden = all.length === 0;
}

async function retry(name) {
  try {
    const told = await post(at("held/again"), { name });
    held(told);
    say(told.became === "kept" ? "Nothing was found. It is in the chart." : "It is still held back.");
  } catch (error) { say(error.message); }
}

async function drop(name) {
  try { held(await post(at("held/drop"), { name })); say("Thrown away."); } catch (error) { say(error.message); }
}

if (isHost) post(at("held")).then(held).catch((error) => say(error.message));
