// Ways to say who one is, beside the birth date. All is sent at once: which of it was right nobody is told.

import { byId, post, trouble } from "./page.js";

const WAYS = ["number", "day", "code"];
const way = () => WAYS.find((one) => byId(`by-${one}`).checked);

function turn() {
  for (const one of WAYS) byId(`part-${one}`).hidden = way() !== one;
}

/** Shows the ways that there are. */
export function asking({ number, days, email, sms, codes }) {
  const has = { number, day: days.length > 0, code: (email || sms) && codes > 0 };
  for (const one of WAYS) byId(`way-${one}`).hidden = !has[one];
  byId("ways").hidden = WAYS.filter((one) => has[one]).length < 2;
  byId("days").replaceChildren(...days.map(({ id, words }) => {
    const item = document.createElement("p");
    item.className = "tick";
    const choice = Object.assign(document.createElement("input"), { type: "radio", name: "day", id: `day-${id}`, value: id });
    const label = Object.assign(document.createElement("label"), { htmlFor: choice.id, textContent: words });
    item.append(choice, " ", label);
    return item;
  }));
  byId("code-email").hidden = !email;
  byId("code-sms").hidden = !sms;
  if (!has[way()]) {
    const first = WAYS.find((one) => has[one]);
    if (first) byId(`by-${first}`).checked = true;
  }
  turn();
}

asking.said = () => {
  const said = { birth_date: byId("birth").value };
  if (way() === "day") return { ...said, day: document.querySelector("#days input:checked")?.value ?? "" };
  if (way() === "code") return { ...said, code: byId("code").value.trim() };
  return { ...said, number: byId("number").value.trim() };
};

for (const one of WAYS) byId(`by-${one}`).addEventListener("change", turn);
for (const by of ["email", "sms"]) {
  byId(`code-${by}`).addEventListener("click", async () => {
    trouble("");
    byId("code-said").textContent = "";
    try {
      byId("code-said").textContent = (await post("/visit/code", { by })).said;
      byId("code").focus();
    } catch (error) { trouble(error.message); }
  });
}
