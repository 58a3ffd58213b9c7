// Both ends of a visit: opening a link, saying who one is, camera and microphone, the waiting room, and the call itself.

import { begin } from "./visit/begin.js";
import { byId, devices, isHost, now } from "./visit/page.js";

byId("start").addEventListener("click", () => begin());
byId("try")?.addEventListener("click", async () => (await devices()).tryOut());
if (isHost) {
  byId("try").closest("details").addEventListener("toggle", devices, { once: true });
  // From the day's list: the room opens, and who waits is let in.
  if (location.hash === "#let-in") {
    history.replaceState(null, "", location.pathname);
    now.isLettingIn = true;
    await begin();
  }
} else {
  // The link stands behind `#` of the address once; from now on it is in the cookie of this browser, and in no history.
  const link = location.hash.replace(/^#(k=)?/, "");
  if (link) history.replaceState(null, "", location.pathname);
  await (await import("./visit/guest.js")).arrive(link);
}
