// Somebody in front of a camera, drawn: a clip of uncompressed pictures for Chromium's camera, so that no person is shown.

import { writeFile } from 'node:fs/promises';

const [WIDTH, HEIGHT, PICTURES, RATE] = [1280, 720, 30, 15];
const WALL = [188, 198, 190];
const LIGHT = [214, 220, 208];
const PATIENT = { hair: [62, 50, 44], skin: [206, 160, 132], neck: [184, 140, 114], shirt: [122, 74, 84] };
export const CLINICIAN = { hair: [28, 24, 24], skin: [160, 114, 86], neck: [140, 96, 72], shirt: [38, 84, 92] };
const COLLAR = [232, 234, 228];

const within = (x, y, [midX, midY, radiusX, radiusY]) => ((x - midX) / radiusX) ** 2 + ((y - midY) / radiusY) ** 2 <= 1;

function colourAt(x, y, sway, { hair, skin, neck, shirt }) {
  const at = x - sway;
  if (within(at, y, [640, 316, 108, 138])) return y < 236 - 0.0016 * (at - 600) ** 2 ? hair : skin;
  if (within(at, y, [640, 280, 134, 150]) && y < 400) return hair;
  if (Math.abs(at - 640) < 48 && y > 400 && y < 520 && !within(at, y, [640, 540, 60, 50])) return neck;
  if (within(at, y, [640, 512, 66, 42])) return COLLAR;
  if (within(at, y, [640, 740, 300, 250])) return shirt;
  return x > 900 && x < 1180 && y > 60 && y < 420 ? LIGHT : WALL;
}

/** ITU-R BT.601, as I420 is read. */
const yuv = ([r, g, b]) => [16 + 0.257 * r + 0.504 * g + 0.098 * b, 128 - 0.148 * r - 0.291 * g + 0.439 * b, 128 + 0.439 * r - 0.368 * g - 0.071 * b].map(Math.round);

function picture(sway, who) {
  const luma = Buffer.alloc(WIDTH * HEIGHT);
  const [blue, red] = [Buffer.alloc(luma.length / 4), Buffer.alloc(luma.length / 4)];
  for (let y = 0; y < HEIGHT; y += 1) {
    for (let x = 0; x < WIDTH; x += 1) {
      const [light, u, v] = yuv(colourAt(x, y, sway, who));
      luma[y * WIDTH + x] = light;
      const quarter = (y >> 1) * (WIDTH >> 1) + (x >> 1);
      [blue[quarter], red[quarter]] = [u, v];
    }
  }
  return Buffer.concat([Buffer.from('FRAME\n'), luma, blue, red]);
}

/** Writes the clip there. */
export async function portrait(path, who = PATIENT) {
  const pictures = Array.from({ length: PICTURES }, (_, at) => picture(Math.round(6 * Math.sin((2 * Math.PI * at) / PICTURES)), who));
  await writeFile(path, Buffer.concat([Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F${RATE}:1 Ip A1:1 C420jpeg\n`), ...pictures]));
}
