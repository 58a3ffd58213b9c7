// The list of a day: asked for again when something on it changed, and minutes that go on. Without this there is a link to reload.

const list = document.getElementById("list");
const said = document.getElementById("said");
/// Changes come in bursts: an appointment, its encounter, a slot.
const TOGETHER_MS = 250;
/// The server says every 5 s that it is there.
const SILENT_MS = 12_000;
const LOOK_MS = 1_000;
let started = performance.now();
let waiting = 0;
let isBehind = false;
/// Not known before the stream said anything.
let isLive = null;
let heard = performance.now();
let address = null;

// A document is parsed by the browser without running anything in it: no text becomes markup here.
const part = () => new Promise((resolve) => {
  const request = new XMLHttpRequest();
  request.open("GET", list.dataset.part);
  request.responseType = "document";
  request.onload = () => resolve(request.status === 200 ? request.responseXML?.getElementById("list") : null);
  request.onerror = request.ontimeout = () => resolve(undefined);
  request.timeout = SILENT_MS;
  request.send();
});

const isBusy = () => list.querySelector("details[open]") !== null;

async function renew() {
  // Nobody's open menu closes under their hand.
  if (isBusy()) { isBehind = true; return; }
  isBehind = false;
  const fresh = await part();
  // The server could not be asked: what stands here stays, and is brought up to date when it can.
  if (fresh === undefined) return lose();
  if (!fresh) return location.reload();
  if (isBusy()) { isBehind = true; return; }
  const held = document.activeElement?.id;
  list.replaceChildren(...document.adoptNode(fresh).childNodes);
  if (held) document.getElementById(held)?.focus({ preventScroll: true });
  started = performance.now();
  mark();
  said.textContent = "The list was brought up to date.";
  setTimeout(() => { said.textContent = ""; }, 3_000);
}

/** Behind "As of": whether changes come by themselves, and if not, the way to ask for them. */
function mark() {
  const held = list.querySelector(".asof a, .asof .live");
  if (!held || isLive === null) return;
  address ??= held.href;
  const now = document.createElement(isLive ? "span" : "a");
  now.className = isLive ? "live" : "lost";
  now.textContent = isLive ? "Live" : "Not live: reload";
  if (!isLive) now.href = address;
  held.replaceWith(now);
}

function hear() {
  heard = performance.now();
  if (isLive === true) return;
  isLive = true;
  mark();
}

function lose() {
  if (isLive === false) return;
  isLive = false;
  mark();
  said.textContent = "This list is not live now: it does not change by itself.";
}

function later() {
  clearTimeout(waiting);
  waiting = setTimeout(renew, TOGETHER_MS);
}

// A menu that would open out of sight opens upwards; where there is no room either, the page goes to it.
function intoSight(open) {
  const menu = open.querySelector(":scope > div");
  open.classList.remove("up");
  if (!open.open || !menu) return;
  const below = menu.getBoundingClientRect();
  if (below.bottom <= innerHeight) return;
  const bar = document.querySelector(".bar")?.getBoundingClientRect().bottom ?? 0;
  const above = open.getBoundingClientRect().top - below.height;
  if (above >= Math.max(0, bar)) open.classList.add("up");
  else menu.scrollIntoView({ block: "nearest" });
}

// What an open menu covers, if only in part, is not pressed by mistake: the first press there closes the menu.
function cover() {
  const open = list.querySelector("details.menu[open]");
  const menu = open?.querySelector(":scope > div")?.getBoundingClientRect();
  for (const one of list.querySelectorAll("a, button, summary")) {
    const at = one.getBoundingClientRect();
    one.inert = Boolean(menu) && !open.contains(one)
      && at.left < menu.right && at.right > menu.left && at.top < menu.bottom && at.bottom > menu.top;
  }
}

list.addEventListener("toggle", (event) => {
  if (!event.target.matches("details.menu")) return;
  intoSight(event.target);
  cover();
}, true);
list.addEventListener("toggle", () => { if (isBehind && !isBusy()) later(); }, true);

// One menu at a time; Escape and a click elsewhere close it.
document.addEventListener("click", (event) => {
  for (const open of list.querySelectorAll("details[open]")) if (!open.contains(event.target)) open.open = false;
});
list.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = event.target.closest("details[open]");
  if (!open) return;
  open.open = false;
  open.querySelector("summary").focus();
});

const span = (minutes) => minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;

setInterval(() => {
  const passed = Math.floor((performance.now() - started) / 60_000);
  for (const one of list.querySelectorAll("[data-minutes]")) {
    one.textContent = (one.dataset.before ?? "") + span(Number(one.dataset.minutes) + passed);
  }
}, 15_000);

let isFirst = true;
let isOver = false;
let events = null;
function watch() {
  events?.close();
  if (isOver) return;
  // As long as it may stay silent, it may take to open.
  heard = performance.now();
  const mine = events = new EventSource(list.dataset.events);
  mine.addEventListener("ready", () => {
    hear();
    // After a gap the list may be behind.
    if (!isFirst) later();
    isFirst = false;
  });
  mine.addEventListener("here", hear);
  mine.addEventListener("changed", () => { hear(); later(); });
  mine.addEventListener("ended", () => { isOver = true; mine.close(); lose(); });
  mine.onerror = () => {
    lose();
    if (mine.readyState === EventSource.CLOSED) setTimeout(() => { if (mine === events) watch(); }, 3_000);
  };
}
watch();
// A connection can end without a word: a network that is gone, a server that is held.
setInterval(() => {
  if (isOver || performance.now() - heard < SILENT_MS) return;
  lose();
  watch();
}, LOOK_MS);
addEventListener("offline", lose);
addEventListener("online", watch);
