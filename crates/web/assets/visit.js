// Both ends of a visit: opening a link, saying who one is, camera and microphone, the waiting room, and the call itself.

import { begin } from "./visit/begin.js";
import { tryOut } from "./visit/devices.js";
import { arrive } from "./visit/guest.js";
import { watchLock } from "./visit/lock.js";
import { byId, isHost, now } from "./visit/page.js";

byId("start").addEventListener("click", () => begin());
byId("try")?.addEventListener("click", tryOut);
// From the day's list: the room opens, and who waits is let in.
if (isHost && location.hash === "#let-in") {
  history.replaceState(null, "", location.pathname);
  now.isLettingIn = true;
  begin();
}
if (isHost) watchLock();
else await arrive();
