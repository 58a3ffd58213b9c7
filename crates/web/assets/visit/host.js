// The clinician's side: who waits, who is in, and the links of those who are asked to come.

import { byId, fetched, isHost, now, post, root, row, trouble } from "./page.js";
import { bar } from "./risk.js";

export function draw(present) {
  if (!isHost) return;
  const isIn = (id) => now.members.some((member) => member.id === id);
  const others = present.filter(({ id }) => id !== now.call.me?.id);
  const waiting = others.filter(({ id }) => !isIn(id));
  byId("waiting").replaceChildren(...waiting.map((one) => bar(row(one.away ? `${one.label}, away at the moment` : one.label, ["Let in", () => now.call.admit(one.id)], ["Turn away", () => now.call.signal.send({ type: "remove", who: one.id })]), one)));
  const visited = waiting.find(({ role }) => role === "patient" || role === "proxy");
  if (now.isLettingIn && visited) {
    now.isLettingIn = false;
    now.call.admit(visited.id);
  }
  byId("nobody").hidden = waiting.length > 0;
  const waits = waiting.map(({ label }) => label).join(", ");
  if (byId("waits").textContent !== (waits && `Waiting: ${waits}`)) byId("waits").textContent = waits && `Waiting: ${waits}`;
  const members = others.filter(({ id }) => isIn(id));
  byId("no-members").hidden = members.length > 0;
  byId("members").replaceChildren(...members.map(({ id, label, away }) => row(away ? `${label}, away at the moment` : label, ["Hold", () => now.call.hold(id)], ["Take out", () => now.call.remove(id)])));
}

let listed = "";

export function links(all) {
  // A button that somebody is on stays where it is.
  if (JSON.stringify(all) === listed) return;
  listed = JSON.stringify(all);
  byId("links").replaceChildren(...all.map(({ name, label, revoked, checked, sent }) => {
    const state = revoked ? "closed" : checked.length ? "used, identity checked" : sent ? `message ${sent.replace("_", " ")}` : "not closed";
    return row(`${label}, ${state}`, ...(revoked ? [] : [["Close the link", async () => links((await post(`${root.dataset.links}/revoke`, { name })).links)]]));
  }));
}

byId("about")?.addEventListener("told", ({ detail }) => detail.links && links(detail.links));

// What stands beside the call comes when it is asked for.
let workspace = null;
for (const choice of document.querySelectorAll("[data-beside]")) {
  choice.addEventListener("click", async () => {
    workspace ??= fetched(root.dataset.workspace).then(() => import("./workspace.js"));
    try { (await workspace).show(choice.dataset.beside); } catch (error) { workspace = null; trouble(error.message); }
  });
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
