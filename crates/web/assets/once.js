// A form that was sent is not sent twice, and a page that comes back out of the browser's memory is asked for anew: with it comes a
// form that was not sent yet.

document.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  if (event.target.dataset.sent) return event.preventDefault();
  event.target.dataset.sent = "yes";
});
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
