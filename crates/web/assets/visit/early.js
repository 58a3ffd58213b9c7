// The passkey in the device check, where the server says that this visit asks for one: made here, it signs in the waiting room. Having made
// it proves nothing.

import { make } from "./passkey.js";
import { byId, trouble } from "./page.js";

const parts = { make: ["make", "act", "how"], known: ["known"] };
const said = byId("passkey-early-said");
const button = byId("passkey-early-use");

/** `passkey`: what the server says of this visit and of who came. Stands with the step from its beginning, so that nothing moves. */
export function offer(passkey) {
  const shown = parts[passkey] ?? [];
  byId("passkey-early").hidden = shown.length === 0;
  for (const part of ["make", "known", "act", "how"]) byId(`passkey-early-${part}`).hidden = !shown.includes(part);
  if (passkey !== "make" || "PublicKeyCredential" in globalThis) return;
  button.hidden = true;
  said.textContent = "This browser knows no passkeys.";
}

button.addEventListener("click", async () => {
  trouble("");
  button.disabled = true;
  said.textContent = "";
  try {
    await make();
    button.hidden = true;
    said.textContent = "The passkey is made. In the waiting room you confirm with it.";
    // What had the focus is gone.
    said.focus();
  } catch (error) {
    button.disabled = false;
    button.focus();
    said.textContent = error.name === "NotAllowedError" ? "No passkey was made. Try again, or knock without one." : error.message;
  }
});
