// Captions that a person types, for who hears badly or needs another language: under the picture, at once, with who typed them.

import { byId, now } from "./page.js";

const LINES_MAX = 3;

/** The last few are shown and the rest is gone: they are no transcript. */
export function captioned(by, words) {
  const line = document.createElement("p");
  const name = document.createElement("b");
  name.textContent = `${by}: `;
  line.append(name, words);
  const all = byId("captions");
  all.append(line);
  while (all.children.length > LINES_MAX) all.firstElementChild.remove();
}

export function noCaptions() { byId("captions").replaceChildren(); }

byId("caption").addEventListener("click", ({ currentTarget: button }) => {
  const isOn = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(isOn));
  byId("captioning").hidden = !isOn;
  if (isOn) byId("caption-words").focus();
});

byId("captioning").addEventListener("submit", async (event) => {
  event.preventDefault();
  const field = byId("caption-words");
  const words = field.value.trim();
  if (!words || !now.call?.talk) return;
  field.value = "";
  try {
    await now.call.caption(words);
    captioned("You", words);
  } catch {
    field.value = words;
    byId("call-said").textContent = "The caption was not sent. Try again when the others are connected.";
  }
});
