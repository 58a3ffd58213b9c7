// A call is not left by a link: other pages open in a window, and leaving asks first.

import { isHost, now, outside } from "./page.js";

if (isHost) {
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (!now.call || !link || link.target || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (!/^https?:$/.test(link.protocol) || link.getAttribute("href").startsWith("#")) return;
    event.preventDefault();
    outside(link.href);
  });
  addEventListener("go", (event) => {
    if (!now.call) return;
    event.preventDefault();
    outside(event.detail);
  });
  addEventListener("beforeunload", (event) => { if (now.call) event.preventDefault(); });
}
