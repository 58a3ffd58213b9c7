// The passkey of who waits for a visit of high risk: made if there is none, and then it signs the keys of this call.

import { byId, post, trouble } from "./page.js";

const VISITED = ["patient", "proxy"];
let call = null;

const answerTo = async (ask, options) => (await navigator.credentials[ask]({ publicKey: options })).toJSON();

/** The server asks for one where none is known, and says so where that is not so any more. */
export async function make() {
  const { enrol } = await post("/visit/passkey");
  if (enrol) await enrolled(enrol);
}

async function enrolled(enrol) {
  const options = PublicKeyCredential.parseCreationOptionsFromJSON(enrol.publicKey);
  await post("/visit/passkey/new", { credential: await answerTo("create", options) });
}

async function prove() {
  let asked = await post("/visit/passkey");
  // Who made none in the device check, or came before the risk was raised.
  if (asked.enrol) {
    await enrolled(asked.enrol);
    asked = await post("/visit/passkey");
  }
  const { nonce, prove: { publicKey } } = asked;
  // What is signed is of this device's own keys, whatever came in between.
  if (!await call.isOfMyKeys(nonce, publicKey.challenge)) throw new Error("The clinic asks to sign for other keys than those of this device. Somebody may stand between you: call the clinic.");
  const options = PublicKeyCredential.parseRequestOptionsFromJSON(publicKey);
  await post("/visit/passkey/proof", { credential: await answerTo("get", options) });
}

/** What the server says of this visit: asked for until the passkey has signed, and not in an ordinary one. */
export function askPasskey(made, { high, vouched }) {
  call = made;
  const isDone = vouched.some(({ who }) => who === made.me?.id);
  byId("passkey").hidden = !high || !VISITED.includes(made.me?.role);
  byId("passkey-ask").hidden = isDone;
  byId("passkey-done").hidden = !isDone;
}

byId("passkey-use")?.addEventListener("click", async ({ currentTarget: button }) => {
  trouble("");
  button.disabled = true;
  try { await prove(); }
  catch (error) { trouble(error.name === "NotAllowedError" ? "The passkey was not used. Try again, or tell the clinic that you have none." : error.message); }
  finally { button.disabled = false; }
});
