// Keys in a list of what is left to do: j and k go through it, e ends an entry, s snoozes it. Without this the same is done by Tab.

const list = document.getElementById("todo");
const items = () => (list ? [...list.querySelectorAll(":scope > .item")] : []);
const OFF = "wardstone-keys-off";

/// Single letters are keys only where nothing is typed, and can be switched off (WCAG 2.1.4).
const isOff = () => document.documentElement.dataset.keys === "off" || sessionStorage.getItem(OFF) === "yes";

function here() {
  const all = items();
  return [all, all.findIndex((item) => item.contains(document.activeElement))];
}

function go(by) {
  const [all, at] = here();
  if (all.length === 0) return;
  const next = at < 0 ? 0 : Math.min(Math.max(at + by, 0), all.length - 1);
  all[next].focus();
  all[next].scrollIntoView({ block: "nearest" });
}

function act(key) {
  const [all, at] = here();
  const target = all[at]?.querySelector(`[data-key="${key}"]`);
  if (!target) return false;
  const fold = target.closest("details");
  if (fold) fold.open = true;
  if (target.matches("input")) target.focus(); else target.click();
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isOff()) return;
  if (event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]")) return;
  const isDone = { j: () => go(1), k: () => go(-1), e: () => act("e"), s: () => act("s") }[event.key];
  if (isDone) {
    event.preventDefault();
    isDone();
  } else if (event.key === "Enter" && event.target.matches(".item")) {
    event.target.querySelector("h2 a")?.click();
  }
});

// A form that was sent is not sent twice.
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  if (event.target.dataset.sent) return event.preventDefault();
  event.target.dataset.sent = "yes";
});
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

const keys = document.getElementById("keys");
if (keys) keys.hidden = items().length === 0 || isOff();
