// Who is seen, how the connection is, the words to compare, and what one presses in a call.

import { byId, now } from "./page.js";

let asking = null;

export function tile(who, kind, stream) {
  let figure = byId(`tile-${who}`);
  if (!figure) {
    figure = document.createElement("figure");
    figure.id = `tile-${who}`;
    const video = Object.assign(document.createElement("video"), { autoplay: true, playsInline: true });
    const caption = document.createElement("figcaption");
    caption.textContent = now.labels.get(who) ?? "";
    video.setAttribute("aria-label", `Picture of ${now.labels.get(who) ?? "somebody"}`);
    figure.append(video, caption);
    byId("tiles").prepend(figure);
  }
  const video = figure.querySelector("video");
  if (video.srcObject !== stream) video.srcObject = stream;
  video.play().catch(() => { byId("call-said").textContent = "Press anywhere to hear and see."; });
}

export function drop() {
  for (const one of document.querySelectorAll("#tiles > figure")) if (!now.members.some(({ id }) => one.id === `tile-${id}`)) one.remove();
}

/** What the connection is like, in words that both sides see. */
export function measured({ rttMs, loss, candidate, rung, reason }) {
  const way = candidate?.includes("relay") ? "through a relay" : "directly";
  const lost = `${Math.round(100 * (loss ?? 0))} % lost`;
  const less = rung === "audio" ? " Sound alone, for the connection’s sake." : reason ? ` A smaller picture: ${reason}.` : "";
  byId("meter").textContent = `Network: ${way}, ${Math.round(rttMs ?? 0)} ms, ${lost}.${less}`;
}

export function words({ who, emoji, isConfirmed }) {
  asking = who;
  byId("sas").textContent = emoji.map(({ sign, name }) => `${sign} ${name}`).join(" · ");
  byId("words").hidden = Boolean(isConfirmed);
}

const toggle = (id, act, [off, on]) => byId(id)?.addEventListener("click", async ({ currentTarget: button }) => {
  const isOn = button.getAttribute("aria-pressed") !== "true";
  try { await act(isOn); } catch { return; }
  button.setAttribute("aria-pressed", String(isOn));
  button.textContent = isOn ? on : off;
});
toggle("mute", (isOn) => now.call?.mute(isOn), ["Mute", "Unmute"]);
toggle("camera", (isOn) => now.call?.camera(!isOn), ["Camera off", "Camera on"]);
toggle("screen", (isOn) => (isOn ? now.call?.shareScreen() : now.call?.stopScreen()), ["Share the screen", "Stop sharing"]);
toggle("lock", (isOn) => now.call?.lock(isOn), ["Lock the room", "Unlock the room"]);
byId("restart").addEventListener("click", () => now.call?.restartMedia());
byId("leave").addEventListener("click", () => now.call?.leave());
byId("end")?.addEventListener("click", () => now.call?.end());
byId("same").addEventListener("click", () => { now.call?.confirmSas(asking, true); byId("words").hidden = true; });
byId("differ").addEventListener("click", () => { now.call?.confirmSas(asking, false); byId("words").hidden = true; });
