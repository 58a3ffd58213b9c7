// What both sides of a visit share: the page's parts by name, what is sent to our server, and the call that is going on.

export const root = document.getElementById("visit");
export const isHost = root.dataset.side === "host";
/** What stands on the page while its screen is locked, and nowhere in the document. */
export const shelf = document.createDocumentFragment();
export const byId = (id) => document.getElementById(id) ?? shelf.getElementById(id);
export const session = byId("session");

/** The call as it is now. `labels`: how the server names each participant; who is in is what the host signed. */
export const now = { call: null, media: null, members: [], labels: new Map() };

/** Where pages open for which a call is not left. */
export const WINDOW = "wardstone-beside";
export const outside = (address) => open(address, WINDOW);

/** What comes when it is needed, each part held to its hash before any of it counts. */
export function fetched(list) {
  const parts = list.split(";").filter(Boolean).map((part) => part.split(" "));
  return Promise.all(parts.map(([href, integrity]) => new Promise((resolve, reject) => {
    const link = Object.assign(document.createElement("link"), { rel: href.includes(".css") ? "stylesheet" : "modulepreload", href, integrity });
    link.onload = resolve;
    link.onerror = () => reject(new Error("A part of this page did not arrive whole. Load it anew."));
    document.head.append(link);
  })));
}

let isBrought = null;
/** Camera, microphone and what tries them out come when they are asked for, where the page did not bring them along. */
export async function devices() {
  await (isBrought ??= fetched(root.dataset.check ?? ""));
  return import("./devices.js");
}

export async function post(address, body = {}) {
  if (isHost) return globalThis.wardstone.send(address, body, session.dataset.csrf);
  const answer = await fetch(address, {
    method: "POST", headers: { accept: "application/json", "content-type": "application/json" },
    body: JSON.stringify(body), credentials: "same-origin",
  });
  const told = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(told.error ?? "This did not work."), { status: answer.status });
  return told;
}

export function trouble(words) {
  byId("trouble").textContent = words;
  byId("trouble").hidden = !words;
}

export function show(...ids) {
  for (const id of ["opening", "who", "agree", "forms", "begin", "wait", "stage", "after"]) {
    const part = byId(id);
    if (part) part.hidden = !ids.includes(id);
  }
}

export function row(text, ...buttons) {
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
