// Both ends of a visit: opening a link, saying who one is, camera and microphone, the waiting room, and the call itself.

const root = document.getElementById("visit");
const isHost = root.dataset.side === "host";
const byId = (id) => document.getElementById(id);
const csrf = byId("session")?.dataset.csrf;
const PICTURE = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 24, max: 30 } };
let call = null;
let media = null;
let members = [];
let labels = new Map();
let asking = null;

async function post(address, body = {}) {
  if (isHost) return globalThis.wardstone.send(address, body, csrf);
  const answer = await fetch(address, {
    method: "POST", headers: { accept: "application/json", "content-type": "application/json" },
    body: JSON.stringify(body), credentials: "same-origin",
  });
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.error ?? "This did not work.");
  return told;
}

function trouble(words) {
  byId("trouble").textContent = words;
  byId("trouble").hidden = !words;
}

function show(...ids) {
  for (const id of ["opening", "who", "begin", "wait", "stage"]) {
    const part = byId(id);
    if (part) part.hidden = !ids.includes(id);
  }
}

/** What seals and opens comes when it is needed, each part held to its hash before any of it runs. */
async function encryption() {
  const parts = root.dataset.modules.split(";").filter(Boolean).map((part) => part.split(" "));
  await Promise.all(parts.map(([address, integrity]) => new Promise((resolve, reject) => {
    const link = Object.assign(document.createElement("link"), { rel: "modulepreload", href: address, integrity });
    link.onload = resolve;
    link.onerror = () => reject(new Error("What encrypts the call did not arrive whole. Load the page anew."));
    document.head.append(link);
  })));
  return (await import("./call/call.js")).Call;
}

// Camera and microphone.

async function take() {
  if (media) return media;
  const ways = [{ audio: true, video: PICTURE }, { audio: true, video: false }];
  let why = null;
  for (const way of ways) {
    try { media = await navigator.mediaDevices.getUserMedia(way); return media; } catch (error) { why = error; }
  }
  const isRefused = why?.name === "NotAllowedError";
  throw new Error(isRefused ? "This browser was not allowed to use the microphone. Allow it beside the address, and try again." : "No microphone was found. Plug one in, or use another device.");
}

async function tryOut() {
  trouble("");
  try {
    const stream = await take();
    byId("preview").srcObject = stream;
    const sound = new AudioContext();
    const ear = new AnalyserNode(sound, { fftSize: 512 });
    sound.createMediaStreamSource(stream).connect(ear);
    const samples = new Float32Array(ear.fftSize);
    const level = () => {
      if (call) { sound.close(); return; }
      ear.getFloatTimeDomainData(samples);
      byId("level").value = Math.min(1, 4 * Math.sqrt(samples.reduce((sum, one) => sum + one * one, 0) / samples.length));
      setTimeout(level, 100);
    };
    level();
  } catch (error) { trouble(error.message); }
}

// The call.

const ticketAt = isHost ? root.dataset.ticket : "/visit/ticket";

async function begin(isAgain = false) {
  trouble("");
  try {
    await take().catch((error) => { if (!isHost) throw error; trouble(error.message); });
    const Call = await encryption();
    const { ticket, visit } = await post(ticketAt);
    const address = new URL(`/visits/${visit}/line`, location.href);
    address.protocol = "wss:";
    const made = new Call({ visit, url: address.href, ticket });
    call = made;
    listen(made, isAgain);
    if (media) { made.useMedia(media); byId("own").srcObject = media; }
    await made.join();
    show(...(isHost ? ["stage"] : ["wait"]));
    if (isHost) byId("host-acts").hidden = false;
  } catch (error) {
    call = null;
    trouble(error.message);
    show("begin");
  }
}

function listen(made, isAgain) {
  const on = (name, act) => made.addEventListener(name, ({ detail }) => { if (call === made) act(detail); });
  on("state", (state) => changed(made, state, isAgain));
  on("track", ({ who, kind, stream }) => tile(who, kind, stream));
  on("banner", ({ text }) => { byId("banner").textContent = text; byId("banner").hidden = false; });
  on("sas", (sas) => words(sas));
  on("present", (present) => { for (const one of present) labels.set(one.id, one.label); draw(present); });
  on("roster", (roster) => { members = roster.members; drop(); draw(made.present); if (members.some(({ id }) => id === made.me?.id)) show("stage"); });
  on("meter", (meter) => measured(meter));
  on("chat", ({ from, text, file }) => line(labels.get(from) ?? "Somebody", text ?? `sent a file: ${file.name}`));
}

async function changed(made, state, isAgain) {
  const said = byId("call-said");
  if (state.call === "waiting") {
    const place = state.place > 1 ? ` ${state.place - 1} before you.` : "";
    const late = state.late ? ` Running about ${state.late} minutes late.` : "";
    byId("place").textContent = `You are waiting.${place}${late} Keep this page open: your clinician lets you in.`;
    show("wait");
  } else if (state.call === "line") {
    said.textContent = state.line === "away" ? "The connection to the clinic is lost; it is tried again. The call itself may go on." : "";
  } else if (state.call === "peer") {
    said.textContent = { connecting: "Connecting…", connected: "Connected, encrypted between you.", reconnecting: "The connection is lost; it is tried again.", stopped: "Stopped." }[state.peer] ?? said.textContent;
  } else if (state.call === "error" && state.code === "ticket" && !isAgain) {
    // What this browser kept of the visit is of a room that is gone: once more, as somebody new.
    call = null;
    clearInterval(made.checking);
    made.signal.close();
    await made.drawer.forget(made.visit);
    await begin(true);
  } else if (["ended", "removed", "left"].includes(state.call)) {
    over({ ended: "The visit is over.", removed: "You were taken out of the visit.", left: "You have left the visit." }[state.call]);
  }
}

function over(what) {
  call = null;
  media?.getTracks().forEach((track) => track.stop());
  media = null;
  for (const one of document.querySelectorAll("#tiles > figure")) one.remove();
  show("begin");
  byId("start").textContent = isHost ? "Open the room again" : "Knock again";
  trouble(what);
}

function tile(who, kind, stream) {
  let figure = byId(`tile-${who}`);
  if (!figure) {
    figure = document.createElement("figure");
    figure.id = `tile-${who}`;
    const video = Object.assign(document.createElement("video"), { autoplay: true, playsInline: true });
    const caption = document.createElement("figcaption");
    caption.textContent = labels.get(who) ?? "";
    video.setAttribute("aria-label", `Picture of ${labels.get(who) ?? "somebody"}`);
    figure.append(video, caption);
    byId("tiles").prepend(figure);
  }
  const video = figure.querySelector("video");
  if (video.srcObject !== stream) video.srcObject = stream;
  video.play().catch(() => { byId("call-said").textContent = "Press anywhere to hear and see."; });
}

function drop() {
  for (const one of document.querySelectorAll("#tiles > figure")) if (!members.some(({ id }) => one.id === `tile-${id}`)) one.remove();
}

/// What the connection is like, in words that both sides see.
function measured({ rttMs, loss, candidate, rung, reason }) {
  const way = candidate?.includes("relay") ? "through a relay" : "directly";
  const lost = `${Math.round(100 * (loss ?? 0))} % lost`;
  const less = rung === "audio" ? " Sound alone, for the connection’s sake." : reason ? ` A smaller picture: ${reason}.` : "";
  byId("meter").textContent = `Network: ${way}, ${Math.round(rttMs ?? 0)} ms, ${lost}.${less}`;
}

function words({ who, emoji, isConfirmed }) {
  asking = who;
  byId("sas").textContent = emoji.map(({ sign, name }) => `${sign} ${name}`).join(" · ");
  byId("words").hidden = Boolean(isConfirmed);
}

function line(from, text) {
  const item = document.createElement("li");
  const name = document.createElement("b");
  name.textContent = `${from} `;
  item.append(name, text);
  byId("lines").append(item);
  item.scrollIntoView({ block: "nearest" });
}

// Who is here.

function row(text, ...buttons) {
  const item = document.createElement("li");
  const name = document.createElement("span");
  name.textContent = text;
  item.append(name, ...buttons.map(([label, act]) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: label });
    button.setAttribute("aria-label", `${label}: ${text}`);
    button.addEventListener("click", act);
    return button;
  }));
  return item;
}

function draw(present) {
  if (!isHost) return;
  const isIn = (id) => members.some((member) => member.id === id);
  const others = present.filter(({ id }) => id !== call.me?.id);
  const waiting = others.filter(({ id }) => !isIn(id));
  byId("waiting").replaceChildren(...waiting.map(({ id, label }) => row(label, ["Let in", () => call.admit(id)], ["Turn away", () => call.signal.send({ type: "remove", who: id })])));
  byId("nobody").hidden = waiting.length > 0;
  byId("members").replaceChildren(...others.filter(({ id }) => isIn(id)).map(({ id, label }) => row(label, ["Hold", () => call.hold(id)], ["Take out", () => call.remove(id)])));
}

// What one presses.

const toggle = (id, act, [off, on]) => byId(id)?.addEventListener("click", async ({ currentTarget: button }) => {
  const isOn = button.getAttribute("aria-pressed") !== "true";
  try { await act(isOn); } catch { return; }
  button.setAttribute("aria-pressed", String(isOn));
  button.textContent = isOn ? on : off;
});
toggle("mute", (isOn) => call?.mute(isOn), ["Mute", "Unmute"]);
toggle("camera", (isOn) => call?.camera(!isOn), ["Camera off", "Camera on"]);
toggle("screen", (isOn) => (isOn ? call?.shareScreen() : call?.stopScreen()), ["Share the screen", "Stop sharing"]);
toggle("lock", (isOn) => call?.lock(isOn), ["Lock the room", "Unlock the room"]);
byId("restart").addEventListener("click", () => call?.restartMedia());
byId("leave").addEventListener("click", () => call?.leave());
byId("end")?.addEventListener("click", () => call?.end());
byId("start").addEventListener("click", () => begin());
byId("try")?.addEventListener("click", tryOut);
byId("same").addEventListener("click", () => { call?.confirmSas(asking, true); byId("words").hidden = true; });
byId("differ").addEventListener("click", () => { call?.confirmSas(asking, false); byId("words").hidden = true; });
byId("talk").addEventListener("submit", async (event) => {
  event.preventDefault();
  const field = byId("say");
  const text = field.value.trim();
  if (!text || !call?.talk) return;
  await call.say(text);
  line("You", text);
  field.value = "";
});

// Links, on the clinician's side.

function links(all) {
  byId("links").replaceChildren(...all.map(({ name, label, revoked, checked, sent }) => {
    const state = revoked ? "closed" : checked.length ? "used, identity checked" : sent ? `message ${sent.replace("_", " ")}` : "not closed";
    return row(`${label}, ${state}`, ...(revoked ? [] : [["Close the link", async () => links((await post(`${root.dataset.links}/revoke`, { name })).links)]]));
  }));
}

byId("invite")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  trouble("");
  try {
    const told = await post(root.dataset.links, { purpose: byId("purpose").value, label: byId("label").value, by: byId("by").value });
    byId("link").textContent = told.link;
    byId("sent").textContent = told.said;
    byId("made").hidden = false;
    links(told.links);
  } catch (error) { trouble(error.message); }
});

// A link, on the other side.

async function opened(known) {
  trouble("");
  show(known.check ? "who" : "begin");
  byId(known.check ? "birth" : "start").focus();
}

if (!isHost) {
  byId("who").addEventListener("submit", async (event) => {
    event.preventDefault();
    try { await opened(await post("/visit/check", { birth_date: byId("birth").value, number: byId("number").value.trim() })); }
    catch (error) { trouble(error.message); }
  });
  const link = location.hash.replace(/^#(k=)?/, "");
  // It is in the cookie of this browser from now on, and in no history.
  if (link) history.replaceState(null, "", location.pathname);
  try { await opened(await post("/visit/open", { link })); }
  catch (error) { show(); trouble(error.message); }
}
