// Finds orders of the list while one types: what does not fit steps back, what is ticked stays in sight.

const finder = document.getElementById('finder');
const field = document.getElementById('find');
if (finder && field) {
  const items = [...document.querySelectorAll('.catalogue li')];
  const said = document.getElementById('find-hint');
  const find = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const item of items) {
      const name = item.textContent.toLowerCase();
      const fits = words.every((word) => name.includes(word));
      item.hidden = !fits && !item.querySelector('input').checked;
      if (fits) shown += 1;
    }
    said.textContent = words.length === 0 ? '' : shown === 0 ? 'None. Write it under “Another order”.' : `${shown} found`;
  };
  field.addEventListener('input', find);
  // Enter ticks the only one that fits, and sends nothing.
  field.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fitting = items.filter((item) => words.every((word) => item.textContent.toLowerCase().includes(word)));
    if (words.length === 0 || fitting.length !== 1) return;
    fitting[0].querySelector('input').checked = true;
    field.value = '';
    find();
    said.textContent = `Ticked: ${fitting[0].querySelector('label').textContent.trim()}`;
  });
}
