// The side of who comes by a link: it is opened, and they say who they are.

import { byId, post, show, trouble } from "./page.js";

async function opened(known) {
  trouble("");
  show(known.check ? "who" : "begin");
  byId(known.check ? "birth" : "start").focus();
}

/** The link stands behind `#` of the address once, and in a cookie from then on. */
export async function arrive() {
  byId("who").addEventListener("submit", async (event) => {
    event.preventDefault();
    try { await opened(await post("/visit/check", { birth_date: byId("birth").value, number: byId("number").value.trim() })); }
    catch (error) { trouble(error.message); }
  });
  const link = location.hash.replace(/^#(k=)?/, "");
  // It is in the cookie of this browser from now on, and in no history.
  if (link) history.replaceState(null, "", location.pathname);
  try { await opened(await post("/visit/open", { link })); }
  catch (error) { show(); trouble(error.message); }
}
