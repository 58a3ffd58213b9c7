// What the pages do with scripts on: passkeys, the key of this browser, and the watch over a session's time.

const bytesToText = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const byId = (id) => document.getElementById(id);

// The key of this browser: P-256, kept by the browser, not to be taken out of it.

const openKeys = () => new Promise((resolve, reject) => {
  const opening = indexedDB.open("wardstone", 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore("keys");
  opening.onsuccess = () => resolve(opening.result);
  opening.onerror = () => reject(opening.error);
});
const asked = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

async function heldKey() {
  const keys = await openKeys();
  return asked(keys.transaction("keys").objectStore("keys").get("device"));
}

async function deviceKey() {
  const held = await heldKey();
  if (held) return held;
  const made = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
  const keys = await openKeys();
  // Another tab may have been first.
  try {
    await asked(keys.transaction("keys", "readwrite").objectStore("keys").add(made, "device"));
    return made;
  } catch { return heldKey(); }
}

async function sign(key, challenge) {
  const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key.privateKey, new TextEncoder().encode(challenge));
  return bytesToText(signature);
}

async function claim(challenge) {
  const key = await deviceKey();
  const publicKey = bytesToText(await crypto.subtle.exportKey("spki", key.publicKey));
  return { public_key: publicKey, challenge, signature: await sign(key, challenge) };
}

// Requests.

async function send(address, body, csrf) {
  const headers = { accept: "application/json", "content-type": "application/json" };
  if (csrf) headers["x-wardstone-csrf"] = csrf;
  const ask = () => fetch(address, { method: "POST", headers, body: JSON.stringify(body ?? {}), credentials: "same-origin" });
  let answer = await ask();
  let told = await answer.json();
  if (answer.status === 401 && told.prove && await prove(told.prove)) {
    answer = await ask();
    told = await answer.json();
  }
  if (!answer.ok) throw new Error(told.error ?? "This did not work.");
  return told;
}

async function prove(challenge) {
  const key = await heldKey();
  if (!key) return false;
  const answer = await fetch("/session/prove", {
    method: "POST", headers: { accept: "application/json", "content-type": "application/json" },
    body: JSON.stringify({ signature: await sign(key, challenge) }), credentials: "same-origin",
  });
  return answer.ok;
}

/** To another page, unless this one has a better place for it: a call is not left for it. */
function go(address) {
  if (dispatchEvent(new CustomEvent("go", { cancelable: true, detail: address }))) location.assign(address);
}

// The stream of the session says every 5 s that the server is there.
let heardAt = Date.now();
const hears = () => navigator.onLine && (!session?.dataset.events || Date.now() - heardAt < 12_000);

// For the scripts of other pages.
globalThis.wardstone = Object.freeze({ claim, prove, send, go, hears });

function say(error) {
  const place = byId("script-error");
  if (!place) return;
  place.textContent = error.name === "NotAllowedError" ? "The passkey was not used. Try again, or take another way." : error.message;
  place.hidden = false;
}

// Forms that may begin a session carry the key of this browser.

for (const form of document.querySelectorAll("form[data-device]")) {
  const challenge = form.elements.device_challenge.value;
  const filled = claim(challenge).then((made) => {
    form.elements.device_key.value = made.public_key;
    form.elements.device_signature.value = made.signature;
  }).catch(() => {});
  form.addEventListener("submit", async (event) => {
    if (form.dataset.ready) return;
    event.preventDefault();
    await filled;
    form.dataset.ready = "yes";
    form.submit();
  });
}

for (const form of document.querySelectorAll("form[data-code-from-link]")) {
  // What stands behind `#` never reaches a server or its log.
  const take = () => {
    if (location.hash.length < 2) return;
    form.elements.code.value = decodeURIComponent(location.hash.slice(1));
    history.replaceState(null, "", location.pathname);
  };
  take();
  addEventListener("hashchange", take);
}

// Passkeys.

if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) {
  const place = byId("with-passkey");
  if (place) place.hidden = true;
}

for (const button of document.querySelectorAll("[data-passkey]")) {
  button.addEventListener("click", async () => {
    try {
      const csrf = button.dataset.csrf;
      const options = await send(button.dataset.passkey, {}, csrf);
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options.publicKey);
      const credential = (await navigator.credentials.get({ publicKey })).toJSON();
      const challenge = document.querySelector("[name=device_challenge]")?.value;
      const device = challenge ? await claim(challenge).catch(() => null) : null;
      location.assign((await send(button.dataset.finish, { credential, device }, csrf)).next);
    } catch (error) { say(error); }
  });
}

for (const button of document.querySelectorAll("[data-passkey-new]")) {
  button.addEventListener("click", async () => {
    try {
      const csrf = button.dataset.csrf;
      const options = await send(button.dataset.passkeyNew, {}, csrf);
      const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options.publicKey);
      const credential = (await navigator.credentials.create({ publicKey })).toJSON();
      location.assign((await send(button.dataset.finish, { credential }, csrf)).next);
    } catch (error) { say(error); }
  });
}

// A connection that has to prove the device.

const waiting = byId("prove");
if (waiting) {
  const proven = await prove(waiting.dataset.challenge).catch(() => false);
  if (proven) location.reload();
  else {
    waiting.hidden = true;
    document.querySelector("h1").textContent = "Not this browser";
    byId("prove-failed").hidden = false;
  }
}

// How far down a page was: a number under a key that says nothing, kept by this tab until its person is back.

function keepPlace() {
  const key = [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  try {
    sessionStorage.clear();
    sessionStorage.setItem(key, String(Math.round(scrollY)));
  } catch { /* Without storage one begins at the top. */ }
  return `${location.pathname}${location.search}~${key}`;
}

const kept = /^#at-([0-9a-f]{16})$/.exec(location.hash)?.[1];
if (kept) {
  let down = 0;
  try {
    down = Number(sessionStorage.getItem(kept));
    sessionStorage.clear();
  } catch { /* As above. */ }
  history.replaceState(history.state, "", location.pathname + location.search);
  if (down > 0) scrollTo({ top: down, behavior: "instant" });
}

// The watch over a session: a warning two minutes ahead, and the door or the locked screen at once when it has ended.

const session = byId("session");
if (session) {
  // Held from the start: a page may put them away.
  const [warning, stay, said, whySaid, leftSaid] = ["warning", "stay", "ending-said", "ending-why", "left"].map(byId);
  let lastTold = 0;
  const here = async () => {
    lastTold = Date.now();
    await send("/session/active", {}, session.dataset.csrf).catch(() => {});
    calm();
  };
  const calm = () => {
    warning.hidden = true;
    said.textContent = "";
  };
  const soon = () => { if (!warning.hidden || Date.now() - lastTold > 30_000) here(); };
  for (const sign of ["keydown", "pointerdown", "wheel"]) addEventListener(sign, soon, { passive: true });
  stay.addEventListener("click", here);
  // Seen all the time; said when it begins, at a minute and at half of one.
  const warn = (left, absolute) => {
    const isLast = absolute !== undefined && absolute <= left;
    const why = `${isLast ? "You have been signed in for as long as it lasts." : "This screen locks for want of activity. Any key stays."} Drafts of notes are kept; a form that is not sent is not.`;
    warning.hidden = false;
    stay.hidden = isLast;
    whySaid.textContent = why;
    leftSaid.textContent = left > 90 ? "two minutes left" : `${left} seconds left`;
    const step = left > 60 ? "two minutes" : left > 30 ? "one minute" : "half a minute";
    if (!said.textContent.includes(step)) said.textContent = `${why} About ${step} left.`;
  };
  // Who signs out or locks is on the way already.
  let leaving = null;
  // Or was asked, and stays.
  const leaves = (to) => { leaving = to; setTimeout(() => { leaving = null; }, 10_000); };
  document.querySelector('form[action="/signout"]')?.addEventListener("submit", () => leaves("/signin"));
  document.querySelector('form[action="?lock"]')?.addEventListener("submit", (event) => {
    const place = keepPlace();
    event.target.elements.place.value = place;
    leaves(`/lock?next=${encodeURIComponent(place)}`);
  });
  const out = () => {
    // A page with a call goes on without what belongs to the session.
    if (!dispatchEvent(new Event("session-ended", { cancelable: true }))) { leaving = null; calm(); return; }
    // Where that did not get through, what stands here goes all the same.
    if (leaving) setTimeout(() => location.replace(leaving), 3_000);
    // Whether this is a screen to be unlocked, the server knows.
    else location.replace(`/lock?next=${encodeURIComponent(keepPlace())}`);
  };
  const watch = () => {
    const events = new EventSource(session.dataset.events);
    events.onopen = () => { heardAt = Date.now(); };
    events.addEventListener("ended", () => { events.close(); out(); });
    for (const name of ["warning", "remaining"]) events.addEventListener(name, (event) => {
      heardAt = Date.now();
      const { idle_s: left, absolute_s: absolute } = JSON.parse(event.data);
      if (left > 120) calm();
      else warn(left, absolute);
    });
    events.onerror = async () => {
      heardAt = 0;
      if (events.readyState !== EventSource.CLOSED) return;
      // Refused: the connection is new and has to prove itself, or the session is over.
      const answer = await fetch(session.dataset.events, { headers: { accept: "application/json" } }).catch(() => null);
      if (!answer) return setTimeout(watch, 3_000);
      if (answer.ok) { answer.body?.cancel(); return watch(); }
      const told = await answer.json().catch(() => ({}));
      if (told.prove && await prove(told.prove)) return watch();
      out();
    };
  };
  addEventListener("session-resumed", watch);
  // In a frame beside a call the page around it watches.
  if (session.dataset.events) watch();
}
