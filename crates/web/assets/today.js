// The list of a day: asked for again when something on it changed, and minutes that go on. Without this there is a link to reload.

const list = document.getElementById("list");
const said = document.getElementById("said");
/// Changes come in bursts: an appointment, its encounter, a slot.
const TOGETHER_MS = 250;
let started = performance.now();
let waiting = 0;
let isBehind = false;

// A document is parsed by the browser without running anything in it: no text becomes markup here.
const part = () => new Promise((resolve) => {
  const request = new XMLHttpRequest();
  request.open("GET", list.dataset.part);
  request.responseType = "document";
  request.onload = () => resolve(request.status === 200 ? request.responseXML?.getElementById("list") : null);
  request.onerror = () => resolve(null);
  request.send();
});

const isBusy = () => list.querySelector("details[open]") !== null;

async function renew() {
  // Nobody's open menu closes under their hand.
  if (isBusy()) { isBehind = true; return; }
  isBehind = false;
  const fresh = await part();
  if (!fresh) return location.reload();
  if (isBusy()) { isBehind = true; return; }
  const held = document.activeElement?.id;
  list.replaceChildren(...document.adoptNode(fresh).childNodes);
  if (held) document.getElementById(held)?.focus({ preventScroll: true });
  started = performance.now();
  live();
  said.textContent = "The list was brought up to date.";
  setTimeout(() => { said.textContent = ""; }, 3_000);
}

function live() {
  const link = list.querySelector(".asof a");
  if (!link) return;
  const mark = document.createElement("span");
  mark.className = "live";
  mark.textContent = "Live";
  link.replaceWith(mark);
}

function later() {
  clearTimeout(waiting);
  waiting = setTimeout(renew, TOGETHER_MS);
}

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
function watch() {
  const events = new EventSource(list.dataset.events);
  events.addEventListener("ready", () => {
    // After a gap the list may be behind.
    if (!isFirst) later();
    isFirst = false;
    if (list.querySelector(".asof a")) live();
  });
  events.addEventListener("changed", later);
  events.addEventListener("ended", () => events.close());
  events.onerror = () => {
    if (events.readyState === EventSource.CLOSED) setTimeout(watch, 3_000);
  };
}
watch();
