// Files in the call: what is sent is looked at and made plain first; what comes is listed, and opened by nobody but its receiver.

import { byId, isHost, now } from "./page.js";

const ENDINGS = { "application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/heic": "heic", "text/plain": "txt", "application/dicom": "dcm" };
const KINDS = "PDF, JPEG, PNG, WebP, HEIC, plain text or DICOM";
const PICTURE_SIDE_MAX = 4_096;
/** A camera's own file; what is drawn of it is smaller. */
const PICTURE_SIZE_MAX = 40 * 1024 * 1024;
const STALLED_MS = 30_000;
const REVOKED_MS = 10_000;
const NAME_CHARS_MAX = 80;

const items = new Map();
let keep = null;

/** What the clinician's side does with a file that came. */
export function keepBy(act) { keep = act; }

/** A name that hides nothing: no folders, no signs that are not seen or turn the direction, and the ending of what the file is. */
export function cleaned(name, type) {
  const last = String(name).normalize("NFC").split(/[\\/]/).pop().replace(/[\p{C}<>:"|?*]/gu, "");
  const base = last.replace(/\.[^.]*$/, "").replace(/^[.\s]+|[.\s]+$/gu, "").slice(0, NAME_CHARS_MAX);
  return `${base || "file"}.${ENDINGS[type] ?? "bin"}`;
}

export function sizeOf(bytes) { return bytes < 1024 * 1024 ? `${Math.ceil(bytes / 1024)} kB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`; }

const say = (words) => { byId("file-said").textContent = words; };

/** Drawn anew: what a camera writes into its pictures, such as the place, is not in what leaves. */
async function redrawn(file, type) {
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Error("This browser cannot draw this picture anew, and would send the place where it was taken along with it. Save it as JPEG, and send that.");
  });
  const scale = Math.min(1, PICTURE_SIDE_MAX / Math.max(bitmap.width, bitmap.height));
  const canvas = Object.assign(document.createElement("canvas"), { width: Math.max(1, Math.round(bitmap.width * scale)), height: Math.max(1, Math.round(bitmap.height * scale)) });
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  const drawn = await new Promise((resolve) => canvas.toBlob(resolve, type === "image/png" ? "image/png" : "image/jpeg", 0.9));
  if (!drawn) throw new Error("This picture is too large to be drawn anew.");
  return new Uint8Array(await drawn.arrayBuffer());
}

async function prepared(file) {
  const { FILE_SIZE_MAX, kindOf } = await import("../call/talk.js");
  if (file.size > PICTURE_SIZE_MAX) throw new Error(`This file is too large: ${sizeOf(FILE_SIZE_MAX)} at most.`);
  const bytes = new Uint8Array(await file.arrayBuffer());
  const type = bytes.length ? kindOf(bytes) : null;
  if (!type) throw new Error(`This kind of file is not sent in a visit. Send ${KINDS}: what it holds counts, not its name.`);
  const made = type.startsWith("image/") ? await redrawn(file, type) : bytes;
  if (made.length > FILE_SIZE_MAX) throw new Error(`This file is too large: ${sizeOf(FILE_SIZE_MAX)} at most.`);
  return { bytes: made, type: kindOf(made) };
}

async function send(file) {
  say("Making it ready…");
  const { bytes, type } = await prepared(file);
  const name = cleaned(file.name, type);
  const part = Object.assign(document.createElement("progress"), { max: 1, value: 0 });
  part.setAttribute("aria-label", `Sending ${name}`);
  const item = listed(`You send ${name}, ${sizeOf(bytes.length)}`, part);
  say(`Sending ${name}…`);
  try {
    await now.call.sendFile(name, bytes, (done) => { part.value = done; });
    item.replaceChildren(`You sent ${name}, ${sizeOf(bytes.length)}`);
    say(`${name} was sent.`);
  } catch (error) { item.remove(); throw error; }
}

function listed(text, ...more) {
  const item = document.createElement("li");
  const words = document.createElement("span");
  words.textContent = text;
  item.append(words, ...more);
  byId("files").append(item);
  return item;
}

/** Part of a file came. */
export function coming({ from, id, name, type, size, received, chunks }) {
  const place = `${from}/${id}`;
  const held = items.get(place) ?? { item: null };
  if (!held.item) {
    const by = now.labels.get(from) ?? "Somebody";
    held.part = Object.assign(document.createElement("progress"), { max: chunks, value: 0 });
    held.part.setAttribute("aria-label", `Receiving ${cleaned(name, type)}`);
    held.item = listed(`${by} sends ${cleaned(name, type)}, ${sizeOf(size)}`, held.part);
    items.set(place, held);
  }
  held.part.value = received;
  clearTimeout(held.stalled);
  held.stalled = setTimeout(() => held.item.replaceChildren(`${cleaned(name, type)} did not arrive whole. Ask for it once more.`), STALLED_MS);
}

/** All of it came, and is what was sealed. */
export function came({ from, file }) {
  const place = `${from}/${file.id}`;
  const held = items.get(place) ?? { item: listed("") };
  clearTimeout(held.stalled);
  items.set(place, held);
  const name = cleaned(file.name, file.type);
  const by = now.labels.get(from) ?? "Somebody";
  const words = document.createElement("span");
  words.textContent = `${name}, ${sizeOf(file.bytes.length)}, from ${by}`;
  held.item.replaceChildren(words, button("Save a copy", name, () => copy(name, file)));
  const role = now.members.find(({ id }) => id === from)?.role ?? "guest";
  if (isHost && keep) held.item.append(button("Save to the chart…", name, () => keep({ name, role, by, ...file })));
  say(`${by} sent ${name}. It is kept nowhere unless you save it.`);
}

function button(label, name, act) {
  const made = Object.assign(document.createElement("button"), { type: "button", textContent: label });
  made.setAttribute("aria-label", `${label}: ${name}`);
  made.addEventListener("click", act);
  return made;
}

/** As a download, which shows nothing by itself. */
function copy(name, { bytes, type }) {
  const href = URL.createObjectURL(new Blob([bytes], { type }));
  Object.assign(document.createElement("a"), { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), REVOKED_MS);
}

export function noFiles() {
  for (const { stalled } of items.values()) clearTimeout(stalled);
  items.clear();
  byId("files").replaceChildren();
  say("");
}

byId("file").addEventListener("change", async ({ currentTarget: field }) => {
  const [file] = field.files;
  if (!file || !now.call?.talk) return;
  field.disabled = true;
  try { await send(file); } catch (error) { say(`Not sent. ${error.message}`); }
  field.value = "";
  field.disabled = false;
});
