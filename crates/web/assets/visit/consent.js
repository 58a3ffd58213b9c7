// What a visit by video means, in the language of who reads it, and where they are.

import { byId } from "./page.js";

const form = byId("agree");

function speak() {
  const language = byId("tongue").value;
  for (const part of form.querySelectorAll("span[lang], div[lang]")) {
    if (part.closest("label")?.htmlFor !== "tongue") part.hidden = part.lang !== language;
  }
}

function place() {
  const chosen = byId("country").selectedOptions[0];
  const { number } = chosen.dataset;
  byId("of-state").hidden = chosen.value !== "US";
  byId("of-number").hidden = Boolean(number);
  byId("danger-number").textContent = number ?? byId("emergency").value;
  byId("in-danger").hidden = !(number ?? byId("emergency").value);
}

byId("tongue").addEventListener("change", speak);
byId("country").addEventListener("change", place);
byId("emergency").addEventListener("input", place);
speak();
place();

/** As it is sent. */
export const agreeing = () => ({
  version: Number(form.dataset.version),
  language: byId("tongue").value,
  agrees: byId("agrees").checked,
  address: byId("address").value,
  state: byId("state").value,
  country: byId("country").value,
  number: byId("emergency").value,
  contact_name: byId("contact").value,
  contact_phone: byId("contact-phone").value,
  brings: byId("brings").value,
});
