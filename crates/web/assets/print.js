// A button that prints: without scripts the browser's own does.
const button = document.getElementById('print');
if (button) button.addEventListener('click', () => window.print());
