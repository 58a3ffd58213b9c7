// The screen of a clinician locks beside the call: whatever belongs to the chart leaves the page until its person is back. The call alone
// goes on, and what one needs for it.

import { byId, now, root, session, shelf } from "./page.js";

const STAYS = "#tiles, #call-said, #meter, #banner, #stage-name, #mute, #camera, #restart, #leave";
const marks = [];

export const isLocked = () => marks.length > 0;

function putAway(one) {
  const mark = document.createComment("");
  one.replaceWith(mark);
  marks.push([mark, one]);
  shelf.append(one);
}

/** What is not named above goes, also what is added to the page later on. */
function thin(within) {
  for (const one of [...within.children]) {
    if (one.matches(STAYS)) continue;
    if (one.querySelector(STAYS)) thin(one);
    else putAway(one);
  }
}

function cover() {
  const stage = byId("stage");
  const stays = [byId("locked"), byId("workspace")];
  for (let at = stage; at !== document.body; at = at.parentElement) {
    for (const one of [...at.parentElement.children]) if (one !== at && !stays.includes(one)) putAway(one);
  }
  thin(stage);
  byId("locked").hidden = false;
  byId("locked-name").focus();
}

function uncover() {
  for (const [mark, one] of marks.splice(0).reverse()) mark.replaceWith(one);
  byId("locked").hidden = true;
  for (const field of ["unlock-password", "unlock-code"]) byId(field).value = "";
  said("");
}

function said(words) {
  byId("unlock-trouble").textContent = words;
  byId("unlock-trouble").hidden = !words;
}

/** Whoever has signed in on this browser: only to the person whose page it is does it open. */
async function resume() {
  const { csrf, whose } = await globalThis.wardstone.send(root.dataset.session, {});
  if (whose !== root.dataset.whose) throw new Error("This is somebody else’s screen. End the call, or let its person unlock it.");
  if (!isLocked()) return;
  session.dataset.csrf = csrf;
  uncover();
  for (const field of document.querySelectorAll("input[name=csrf]")) field.value = csrf;
  dispatchEvent(new Event("session-resumed"));
}

async function challenge() {
  const answer = await fetch("/lock", { headers: { accept: "application/json" }, credentials: "same-origin" });
  const told = await answer.json().catch(() => ({}));
  if (!told.device_challenge) throw new Error("This screen cannot be unlocked here any more. End the call and sign in.");
  return told.device_challenge;
}

async function sendForm(address, fields) {
  const answer = await fetch(address, { method: "POST", headers: { accept: "application/json" }, body: new URLSearchParams(fields), credentials: "same-origin" });
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.error ?? "This did not work.");
  return told;
}

async function byPasskey() {
  const { publicKey } = await globalThis.wardstone.send("/signin/passkey", {});
  const options = PublicKeyCredential.parseRequestOptionsFromJSON(publicKey);
  const credential = (await navigator.credentials.get({ publicKey: options })).toJSON();
  await globalThis.wardstone.send("/signin/passkey/finish", { credential, device: await globalThis.wardstone.claim(await challenge()) });
  await resume();
}

async function byPassword() {
  const asked = await challenge();
  const device = await globalThis.wardstone.claim(asked);
  const fields = { password: byId("unlock-password").value, device_challenge: asked, device_key: device.public_key, device_signature: device.signature };
  const ways = await sendForm("/lock/password", fields);
  if (!ways.totp) throw new Error("This account has no authenticator app: unlock with a passkey.");
  await sendForm("/signin/second", { code: byId("unlock-code").value });
  await resume();
}

const attempt = (way) => async (event) => {
  event.preventDefault();
  said("");
  try { await way(); }
  catch (error) { said(error.name === "NotAllowedError" ? "The passkey was not used. Try again, or take another way." : error.message); }
};

export function watchLock() {
  byId("unlock-passkey").addEventListener("click", attempt(byPasskey));
  byId("unlock").addEventListener("submit", attempt(byPassword));
  addEventListener("session-ended", (event) => {
    if (!now.call) return;
    event.preventDefault();
    if (!isLocked()) cover();
  });
  // Pressed by its person: the session ends, and this page hears of it as of any other end.
  addEventListener("submit", (event) => {
    if (!now.call || event.target.getAttribute("action") !== "?lock") return;
    event.preventDefault();
    event.stopImmediatePropagation();
    fetch("?lock", { method: "POST", body: new URLSearchParams({ csrf: session.dataset.csrf }), redirect: "manual", credentials: "same-origin" }).catch(() => {});
  }, true);
  // Keys of the page behind act on nothing.
  addEventListener("keydown", (event) => { if (isLocked()) event.stopImmediatePropagation(); }, true);
  // Unlocked in another tab.
  document.addEventListener("visibilitychange", () => { if (isLocked() && !document.hidden) resume().catch(() => {}); });
}
