// In a frame beside a call: what belongs to this chart opens here, everything else in a window, and nothing takes the call away.

const session = document.getElementById("session");
const within = session.dataset.within.trim().split(" ");
/** What the page with the call does for those beside it. Our own page, or none: no other may have us in a frame. */
const call = globalThis.parent.wardstoneCall;
/** How long the page with the call waits for what is typed here is for it to say; each of these is an answer to wait for. */
const settle = () => {
  const waits = [];
  dispatchEvent(new CustomEvent("settle", { detail: waits }));
  return Promise.allSettled(waits);
};
/** Who comes back goes on where they typed: going to the call takes the focus from here. */
let held = null;
addEventListener("focusin", ({ target }) => { held = target; });
const enter = () => (held?.isConnected ? held : document.getElementById("main")).focus();
globalThis.wardstoneBeside = Object.freeze({ settle, enter });

/** `/patients/{}/notes/{}`: the first `{}` is of this visit, not of any. */
function fits(template, path) {
  const [wanted, given] = [template.split("/"), path.split("/")];
  const own = { patients: call.patient, appointments: call.visit }[wanted[1]];
  return wanted.length === given.length && wanted.every((part, at) => (part === "{}" ? given[at] && (at > 2 || given[at] === own) : part === given[at]));
}

function isWithin(address) {
  const { origin, pathname } = new URL(address, location.href);
  return origin === location.origin && within.some((template) => fits(template, pathname));
}

/** The note that one writes has its place; the chart's stays the chart's. */
const isNote = (link) => globalThis.frameElement.dataset.pane !== "note" && (link.matches(".banner .on a") || /\/notes\/new$/.test(link.pathname));

// Before anybody else hears of it: what opens elsewhere leaves nothing here.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || link.target || event.button || event.ctrlKey || event.metaKey || event.shiftKey || !/^https?:$/.test(link.protocol)) return;
  if (isNote(link)) {
    event.preventDefault();
    call.show("note");
  } else if (!isWithin(link.href)) {
    event.preventDefault();
    call.outside(link.href);
  }
}, true);
addEventListener("go", (event) => {
  if (isWithin(event.detail)) return;
  event.preventDefault();
  call.outside(event.detail);
});
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.getAttribute("action") === "?lock") {
    event.preventDefault();
    event.stopImmediatePropagation();
    call.lock();
  } else if (form.method !== "dialog" && !isWithin(form.action)) form.target = call.window;
}, true);

// The way back to the call, from wherever one types.
addEventListener("keydown", (event) => {
  if (event.key !== "F6" || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  call.back();
}, true);
const skip = document.querySelector(".skip");
skip.textContent = "Back to the call (F6)";
skip.addEventListener("click", (event) => { event.preventDefault(); call.back(); });
globalThis.wardstoneKeys.add({ key: "F6", says: "back to the call", act: () => call.back() });
