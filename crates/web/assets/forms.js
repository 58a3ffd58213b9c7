// A form that is being filled in: what is typed is kept while it is typed, and what is not asked is hidden. Which that is the server says.

const form = document.getElementById("form");
const shown = document.getElementById("shown");
const said = document.getElementById("kept");
const WAIT_MS = 1000;
let waiting = null;
let restsUntil = 0;
let isKeeping = false;
let isDue = false;
let isSending = false;

function keep() {
  clearTimeout(waiting);
  waiting = null;
  if (isSending) return;
  if (isKeeping) { isDue = true; return; }
  const rests = restsUntil - Date.now();
  if (rests > 0) { waiting = setTimeout(keep, rests); return; }
  isKeeping = true;
  send().finally(() => {
    isKeeping = false;
    if (isDue) { isDue = false; keep(); }
  });
}

async function send(keepalive = false) {
  const fields = new URLSearchParams(new FormData(form));
  fields.set("act", "keep");
  try {
    const answer = await fetch(form.action, { method: "POST", headers: { accept: "application/json" }, body: fields, credentials: "same-origin", keepalive });
    // It was kept very often: what is typed meanwhile is kept with the next time, and stands on the page until then.
    if (answer.status === 429) { rest(Number(answer.headers.get("retry-after")) || 60); return; }
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.error);
    if (told.open) draw(told.open);
    said.textContent = `What you typed was kept at ${told.at}.${told.open ? "" : " The clinic changed this form meanwhile: load the page anew, and look once more."}`;
  } catch (error) {
    said.textContent = `What you typed could not be kept. ${error instanceof TypeError ? "Is the connection lost? It is tried again as you type." : error.message}`;
  }
}

function rest(seconds) {
  restsUntil = Date.now() + seconds * 1000;
  isDue = true;
  said.textContent = "What you type is kept again in a few minutes. You can send the form at any time.";
}

function draw(open) {
  const isOpen = new Set(open);
  for (const part of form.querySelectorAll("[data-item]")) part.hidden = !isOpen.has(part.dataset.item);
  shown.value = JSON.stringify(open);
}

form.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(keep, WAIT_MS); });
form.addEventListener("change", keep);
// Enter in a line presses the first button of a form, which keeps and sends nothing.
form.addEventListener("submit", (event) => {
  if (event.submitter?.value === "stay") { event.preventDefault(); keep(); return; }
  isSending = true;
  clearTimeout(waiting);
});
// Before the page goes, or is loaded anew, what waits is sent.
const hurry = () => { if (!isSending && waiting) { clearTimeout(waiting); waiting = null; send(true); } };
window.addEventListener("beforeunload", hurry);
document.addEventListener("visibilitychange", () => { if (document.hidden) hurry(); });
window.addEventListener("pageshow", () => { isSending = false; });
