// The side of who comes by a link: it is opened, they say who they are, they agree, and then they try their camera.

import { begin, forgetKnock, hasKnocked } from "./begin.js";
import "./check.js";
import { agreeing } from "./consent.js";
import { offer } from "./early.js";
import { byId, post, show, trouble } from "./page.js";
import { asking } from "./who.js";

const FIRST = { who: "birth", agree: "tongue", forms: "to-forms", begin: "try" };

async function opened(known) {
  trouble("");
  // Who was there comes back, whatever else was asked for meanwhile.
  if (hasKnocked(known.visit)) { await begin({ isByItself: true }); return; }
  const step = known.check ? "who" : known.agree ? "agree" : known.forms && !known.later ? "forms" : "begin";
  byId("forms-said").textContent = known.forms === 1 ? "The clinic asks you to fill in a form. It helps your clinician to prepare." : `The clinic asks you to fill in ${known.forms} forms. It helps your clinician to prepare.`;
  byId("forms-left").hidden = !known.forms;
  if (known.check) asking(known.ways);
  offer(known.passkey);
  show(step);
  byId(FIRST[step]).focus();
}

/** Sends what was said; what was wrong stands where it was said, and is read out. */
export function step(form, address, said) {
  byId(form).addEventListener("submit", async (event) => {
    event.preventDefault();
    trouble("");
    const button = byId(form).querySelector("button.first");
    button.disabled = true;
    try { await opened(await post(address, said())); }
    catch (error) {
      trouble(error.message);
      // A long form hides what stands above it.
      byId("trouble").scrollIntoView({ block: "center" });
    }
    finally { button.disabled = false; }
  });
}

byId("forms-later").addEventListener("click", async () => {
  trouble("");
  try { await post("/visit/forms"); } catch (error) { trouble(error.message); return; }
  show("begin");
  byId(FIRST.begin).focus();
});

export async function arrive(link) {
  if (link) forgetKnock();
  step("who", "/visit/check", asking.said);
  step("agree", "/visit/agree", agreeing);
  try { await opened(await post("/visit/open", { link })); }
  catch (error) { show(); trouble(error.message); }
}
