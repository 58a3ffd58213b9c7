// Keys in a list of what is left to do: j and k go through it, e ends an entry, s snoozes it. Without this the same is done by Tab.

const list = document.getElementById("todo");
const items = () => (list ? [...list.querySelectorAll(":scope > .item")] : []);

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

globalThis.wardstoneKeys.add(
  { key: "j", says: "the next entry", act: () => go(1) },
  { key: "k", says: "the entry before", act: () => go(-1) },
  { key: "e", says: `${list?.dataset.ends ?? "end"} the entry`, act: () => act("e") },
  ...(list?.querySelector('[data-key="s"]') ? [{ key: "s", says: "snooze the entry", act: () => act("s") }] : []),
  { key: "Enter", says: "open the entry", act: () => {
    if (!document.activeElement.matches(".item")) return false;
    document.activeElement.querySelector("h2 a")?.click();
  } },
);

// Escape leaves what was opened in an entry, and the entry has the focus again.
list?.addEventListener("keydown", (event) => {
  const open = event.key === "Escape" ? event.target.closest("details[open]") : null;
  if (!open) return;
  open.open = false;
  open.closest(".item")?.focus();
});

const keys = document.getElementById("keys");
const say = () => { if (keys) keys.hidden = items().length === 0 || globalThis.wardstoneKeys.isOff(); };
say();
document.addEventListener("wardstone-letters", say);
