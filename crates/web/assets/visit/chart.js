// The clinician's side: what came in the call goes into the chart when it is asked for, and not before the others were told.

import { keepBy } from "./files.js";
import { at, hasScanner, held, say } from "./held.js";
import { byId, isHost, now, post } from "./page.js";
import { lines, notice } from "./talk.js";

const TOKEN_BYTES = 16;
const token = () => [...crypto.getRandomValues(new Uint8Array(TOKEN_BYTES))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
let asked = null;

/** Told to everybody in the call, and shown here as they see it. */
async function tell(what) {
  if (!now.call) throw new Error("The call is over, and what was sent in it is gone.");
  await now.call.notice(what);
  notice(what);
}

async function upload(file, kind, title) {
  const form = new FormData();
  for (const [name, value] of Object.entries({ kind, title, from: file.role, token: file.token })) form.append(name, value);
  form.append("file", new Blob([file.bytes], { type: file.type }), "file");
  const headers = { accept: "application/json", "x-wardstone-csrf": byId("session").dataset.csrf };
  const ask = () => fetch(at("keep/file"), { method: "POST", headers, body: form, credentials: "same-origin" });
  let answer = await ask();
  let told = await answer.json();
  if (answer.status === 401 && told.prove && await globalThis.wardstone.prove(told.prove)) {
    answer = await ask();
    told = await answer.json();
  }
  if (!answer.ok) throw new Error(told.error ?? "This did not work.");
  return told;
}

/** One press, one try: the dialog says what became of it and stays open where it failed. */
async function pressed(dialog, wrong, work) {
  const button = dialog.querySelector("button.first");
  button.disabled = true;
  wrong.hidden = true;
  try {
    await work();
    dialog.close();
  } catch (error) {
    wrong.textContent = error.message;
    wrong.hidden = false;
  }
  button.disabled = false;
}

function askForFile(file) {
  asked = Object.assign(file, { token: token() });
  byId("keep-what").textContent = `${file.name}, from ${file.by}`;
  byId("keep-kind").value = "";
  byId("keep-title").value = file.name.replace(/\.[^.]*$/, "").slice(0, 120);
  byId("keep-scan").textContent = hasScanner
    ? "Before that the server looks for malware in it. If something is found, or nothing can look, it is held back."
    : "Nothing looks for malware in it: this server has no scanner. Save only what you expected from somebody you know.";
  byId("keep-wrong").hidden = true;
  byId("keep-file").showModal();
}

async function saveFile() {
  const [kind, title] = [byId("keep-kind").value, byId("keep-title").value];
  if (!kind) throw new Error("Say what kind of document it is.");
  await tell("saving-file");
  try {
    const told = await upload(asked, kind, title);
    held(told);
    say(told.became === "kept" ? "The file is in the chart. Look at it there, and sign it." : "The file is held back: see below.");
    await tell(told.became === "kept" ? "saved-file" : "held-file");
  } catch (error) { await tell("not-saved"); throw error; }
}

function askForTalk() {
  byId("keep-lines").replaceChildren(...lines.map(({ by, text }, index) => {
    const label = document.createElement("label");
    label.className = "choice";
    const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: true, value: String(index) });
    label.append(box, ` ${by}: ${text}`);
    return label;
  }));
  byId("keep-none").hidden = lines.length > 0;
  byId("keep-talk").querySelector("button.first").disabled = lines.length === 0;
  byId("talk-wrong").hidden = true;
  byId("keep-talk").dataset.token = token();
  byId("keep-talk").showModal();
}

async function saveTalk() {
  const own = now.labels.get(now.call?.me.id) ?? "Clinician";
  const all = [...byId("keep-lines").querySelectorAll("input:checked")].map(({ value }) => lines[Number(value)]);
  const chosen = all.map((one) => ({ ...one, by: one.by === "You" ? own : one.by }));
  if (!chosen.length) throw new Error("Choose at least one message.");
  await tell("saving-talk");
  try { await post(at("keep/talk"), { token: byId("keep-talk").dataset.token, lines: chosen }); }
  catch (error) { await tell("not-saved"); throw error; }
  say("The messages are in the chart.");
  await tell("saved-talk");
}

if (isHost) {
  keepBy(askForFile);
  byId("keep-messages").addEventListener("click", askForTalk);
  for (const [id, wrong, work] of [["keep-file", "keep-wrong", saveFile], ["keep-talk", "talk-wrong", saveTalk]]) {
    const dialog = byId(id);
    dialog.querySelector("form").addEventListener("submit", (event) => { event.preventDefault(); pressed(dialog, byId(wrong), work); });
    dialog.querySelector("[data-not]").addEventListener("click", () => dialog.close());
  }
}
