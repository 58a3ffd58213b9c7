// A picture is made small before it is sent: upright, cut to a portrait, without what the camera told of itself.
const input = document.getElementById('photo');
const state = document.getElementById('photo-state');

input?.addEventListener('change', async () => {
  const [file] = input.files;
  if (!file) return;
  state.textContent = '';
  try {
    const whole = await createImageBitmap(file, { imageOrientation: 'from-image' });
    const width = Number(input.dataset.width);
    const height = Number(input.dataset.height);
    // As much of the middle as has the shape of a portrait.
    const scale = Math.max(width / whole.width, height / whole.height);
    const [wide, high] = [width / scale, height / scale];
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    const [left, top] = [(whole.width - wide) / 2, (whole.height - high) / 2];
    canvas.getContext('2d').drawImage(whole, left, top, wide, high, 0, 0, width, height);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', 0.85));
    const small = new DataTransfer();
    small.items.add(new File([blob], 'photo.jpg', { type: 'image/jpeg' }));
    input.files = small.files;
    state.textContent = `Made ready: ${Math.ceil(blob.size / 1024)} kB.`;
  } catch {
    state.textContent = 'This browser cannot read the picture; it is sent as it is.';
  }
});
