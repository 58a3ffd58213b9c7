// A form that was sent is not sent twice at once, and a page that comes back out of the browser's memory is asked for anew: with it
// comes a form that was not sent yet. Where loading was stopped one may press again; the server makes what a form makes once.

/// How long a press waits for its answer alone, where the browser does not say that loading was stopped.
const ALONE_MS = 4_000;

document.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  const { dataset } = event.target;
  if (dataset.sent && performance.now() - Number(dataset.sent) < ALONE_MS) return event.preventDefault();
  dataset.sent = String(performance.now());
});
globalThis.navigation?.addEventListener("navigateerror", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
