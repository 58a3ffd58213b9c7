// Says each value in the other unit while it is typed, and the body mass index; walks plots by arrow keys. All of it is said by the
// server too: without this, when the set is sent.

const field = (name) => document.getElementById(name);
const number = (name) => {
  const text = field(name).value.trim().replace(",", ".");
  return /^\d{1,6}(\.\d{1,6})?$/.test(text) ? Number(text) : null;
};
const canonical = (name, option) => {
  const value = number(name);
  return value === null ? null : value * Number(option.dataset.factor) + Number(option.dataset.offset);
};

function echo(name) {
  const [select, said] = [field(`${name}-unit`), field(`${name}-also`)];
  // What is wrong stays until it is sent again.
  if (!select || said.tagName !== "OUTPUT") return;
  const other = [...select.options].find((option) => !option.selected);
  const value = canonical(name, select.selectedOptions[0]);
  const there = value === null ? null : (value - Number(other.dataset.offset)) / Number(other.dataset.factor);
  said.value = there === null ? "" : `= ${there.toFixed(1)} ${other.textContent}`;
}

function bmi() {
  const of = (name) => canonical(name, field(`${name}-unit`).selectedOptions[0]);
  const [weight, height] = [of("weight"), of("height")];
  field("bmi-also").value = weight && height ? `BMI ${(weight / (height / 100) ** 2).toFixed(1)} kg/m²` : "";
}

const form = document.querySelector(".enter form");
form?.addEventListener("input", (event) => {
  const name = event.target.name?.replace("-unit", "");
  if (!name) return;
  echo(name);
  if (name === "weight" || name === "height") bmi();
});

// The table beneath a plot has the words of its points, newest first as they are in the line.
const draw = (name, marks) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [mark, value] of Object.entries(marks)) made.setAttribute(mark, value);
  return made;
};

// The first plot has the frame of all of them.
const frame = document.querySelector("svg.plot .axis")?.getBBox();

function points(plot) {
  const { x: left, y: top, height } = frame;
  const lines = [...plot.querySelectorAll("polyline")].map((line) => line.getAttribute("points").split(" ").map((pair) => pair.split(",")));
  const rows = plot.parentElement.querySelectorAll(".twin tbody tr:not(.off)");
  return [...rows].map((row, at) => {
    const words = [...row.cells].map((cell) => cell.textContent.trim()).join(": ");
    const dot = draw("g", { class: "dot", role: "img", tabindex: at === 0 ? 0 : -1, "aria-label": words });
    const said = draw("text", { x: left, y: top - 14 });
    said.textContent = words;
    const rings = lines.map((line) => draw("circle", { cx: line[at][0], cy: line[at][1], r: 8 }));
    dot.append(draw("path", { d: `M${lines[0][at][0]} ${top}v${height}` }), ...rings, said);
    plot.append(dot);
    return dot;
  });
}

// One stop for each plot; left and right go through its points.
for (const plot of document.querySelectorAll("svg.plot")) {
  const dots = points(plot);
  plot.addEventListener("keydown", (event) => {
    const at = dots.indexOf(document.activeElement);
    const next = { ArrowLeft: at + 1, ArrowRight: at - 1, Home: dots.length - 1, End: 0 }[event.key];
    if (at < 0 || !dots[next]) return;
    event.preventDefault();
    dots[at].setAttribute("tabindex", "-1");
    dots[next].setAttribute("tabindex", "0");
    dots[next].focus();
  });
}
