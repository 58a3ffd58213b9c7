// Words in the call.

import { byId, now } from "./page.js";

export function line(from, text) {
  const item = document.createElement("li");
  const name = document.createElement("b");
  name.textContent = `${from} `;
  item.append(name, text);
  byId("lines").append(item);
  item.scrollIntoView({ block: "nearest" });
}

byId("talk").addEventListener("submit", async (event) => {
  event.preventDefault();
  const field = byId("say");
  const text = field.value.trim();
  if (!text || !now.call?.talk) return;
  await now.call.say(text);
  line("You", text);
  field.value = "";
});
