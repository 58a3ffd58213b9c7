// The call: it begins, it is heard, it ends.

import { refresh } from "./about.js";
import "./held.js";
import { draw } from "./host.js";
import { byId, devices, fetched, isHost, now, post, root, show, trouble } from "./page.js";
import { watch } from "./risk.js";

/** Whether the screen is locked beside the call; known once there is one. */
let isLocked = null;
const OF_CALL = ["../call/call.js", "./stage.js", "./talk.js", "./choice.js", "./lock.js", "./chart.js", "./leave.js", "./back.js"];
/** A page that slept has its network a moment later than itself. */
const AGAIN_MS = 1_500;
const AGAIN_MAX = 20;
const OVER = "The visit is over.";
/** At which visit this page knocked: one that is loaded anew, or that a phone threw away, knocks there by itself. */
const KNOCKED = "wardstone-knocked";
export const hasKnocked = (visit) => Boolean(visit) && sessionStorage.getItem(KNOCKED) === visit;
export const forgetKnock = () => sessionStorage.removeItem(KNOCKED);

/** What seals and opens, and what stands on the page in a call, comes when it is needed, each part held to its hash before any of it runs. */
async function ofCall() {
  await fetched(root.dataset.modules);
  const [{ Call }, stage, { hear }, { attend }, lock, , , back] = await Promise.all(OF_CALL.map((part) => import(part)));
  if (isHost && !isLocked) {
    isLocked = lock.isLocked;
    lock.watchLock();
  }
  return { Call, stage, hear, attend, back };
}

const ticketAt = isHost ? root.dataset.ticket : "/visit/ticket";

/** `isFresh`: as somebody new, with nothing of what this browser kept. `isByItself`: nobody pressed, so nobody would press again. */
export async function begin({ isFresh = false, isByItself = false, tries = 0 } = {}) {
  trouble("");
  try {
    const { take } = await devices();
    await take().catch((error) => { if (!isHost) throw error; trouble(error.message); });
    const parts = await ofCall();
    const { ticket, visit, place, over: isOver } = await post(ticketAt, { itself: isByItself });
    if (isOver) { over(true, OVER); return; }
    const address = new URL(`/visits/${visit}/line`, location.href);
    address.protocol = "wss:";
    const made = new parts.Call({ visit, place, url: address.href, ticket });
    made.visitId = visit;
    now.call = made;
    listen(made, isFresh, parts);
    if (now.media) { made.useMedia(now.media); byId("own").srcObject = now.media; }
    await made.join();
    show(...(isHost ? ["stage"] : ["wait"]));
    if (isHost) byId("host-acts").hidden = false;
  } catch (error) {
    now.call = null;
    // The network itself, and not an answer.
    if (isByItself && !isHost && error instanceof TypeError && tries < AGAIN_MAX) {
      show("opening");
      byId("opening").textContent = "The connection to the clinic is lost; it is tried again.";
      setTimeout(() => begin({ isFresh, isByItself, tries: tries + 1 }), AGAIN_MS);
      return;
    }
    trouble(error.message);
    show("begin");
  }
}

function listen(made, isFresh, { stage: { drop, measured, named, tile, told, words }, hear, attend, back }) {
  const on = (name, act) => made.addEventListener(name, ({ detail }) => { if (now.call === made) act(detail); });
  on("state", (state) => changed(made, state, isFresh));
  on("track", ({ who, kind, stream }) => tile(who, kind, stream));
  on("banner", ({ text }) => { byId("banner").textContent = text; byId("banner").hidden = false; });
  on("sas", (sas) => words(sas));
  on("present", (present) => { for (const one of present) now.labels.set(one.id, one.label); named(); draw(present); refresh(); });
  on("roster", (roster) => { now.members = roster.members; drop(); named(); draw(made.present); if (now.members.some(({ id }) => id === made.me?.id)) show("stage"); });
  on("meter", (meter) => measured(meter));
  on("said", ({ from, state }) => told(from, state));
  attend(made);
  hear(made);
  back.follow(made);
  watch(made);
}

async function changed(made, state, isFresh) {
  const said = byId("call-said");
  if (state.call === "joined" && !isHost) sessionStorage.setItem(KNOCKED, made.visitId);
  if (state.call === "waiting") {
    const place = state.place > 1 ? ` ${state.place - 1} before you.` : "";
    const late = state.late ? ` Running about ${state.late} minutes late.` : "";
    byId("place").textContent = `You are waiting.${place}${late} Keep this page open: your clinician lets you in.`;
    show("wait");
  } else if (state.call === "line" && state.line === "stuck") {
    if (!isHost) await findRoom(made);
  } else if (state.call === "line") {
    said.textContent = state.line === "away" ? "The connection to the clinic is lost; it is tried again. The call itself may go on." : "";
    if (state.line === "away" && byId("wait")?.hidden === false) byId("place").textContent = "The connection to the clinic is lost; it is tried again. Your place is kept.";
  } else if (state.call === "peer") {
    said.textContent = { connecting: "Connecting…", connected: "Connected, encrypted between you.", reconnecting: "The connection is lost; it is tried again.", stopped: "Stopped." }[state.peer] ?? said.textContent;
  } else if (state.call === "error" && state.code === "ticket" && (!isFresh || made.me)) {
    // What this browser kept of the visit is of a room that is gone: once more, as somebody new.
    now.call = null;
    now.media = null;
    await made.leave();
    await begin({ isFresh: true, isByItself: true });
  } else if (["ended", "removed", "left"].includes(state.call)) {
    const ended = state.reason === "revoked" ? "The clinic cut this call off. Knock again if the visit is to go on." : OVER;
    over(state.call === "ended" && state.reason !== "revoked", { ended, removed: "You were taken out of the visit.", left: "You have left the visit." }[state.call]);
  }
}

/** A ticket opens a room that was forgotten: then the line finds one, and says what is left of the place in it. Not where the visit is over. */
async function findRoom(made) {
  let words;
  try { words = (await post(ticketAt, { itself: true })).over && OVER; } catch (error) { words = error.status === 400 && error.message; }
  if (!words || now.call !== made) return;
  now.call = null;
  await made.leave();
  over(true, words);
}

function over(isDone, what) {
  now.call = null;
  forgetKnock();
  if (isLocked?.()) { location.replace("/lock"); return; }
  now.media?.getTracks().forEach((track) => track.stop());
  now.media = null;
  for (const one of document.querySelectorAll("#tiles > figure")) one.remove();
  show("begin", ...(isDone ? ["after"] : []));
  byId("start").textContent = isHost ? "Open the room again" : "Knock again";
  trouble(what);
}
