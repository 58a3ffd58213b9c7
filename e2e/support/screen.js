// What every screen holds to, whatever it shows. Each of these fails with what it found and where.

import assert from 'node:assert/strict';

const PAGE_BYTES_MAX = 150_000;
const STOPS_MAX = 80;
/** The width within margins of half an inch, in CSS pixels. */
const PAPERS = { Letter: 720, A4: 698 };
/** Either side of where columns give way, a chart beside a call (845), 1440 at 200 %, and what WCAG 1.4.10 asks for. */
const NARROWED = [1261, 1001, 845, 831, 761, 720, 320];

/** Listens to everything that pages of a browser ask for: nobody else, and nothing that the browser may keep. */
export function overhear(context, baseURL) {
  const heard = { strangers: [], kept: [] };
  context.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(baseURL) && !/^(data|blob|about):/.test(url)) heard.strangers.push(url);
  });
  context.on('response', async (response) => {
    const { pathname } = new URL(response.url());
    const rules = response.headers()['cache-control'] ?? '';
    if (!pathname.startsWith('/assets/') && !rules.includes('no-store')) heard.kept.push(`${pathname}: ${rules}`);
  });
  return heard;
}

/** A page weighs no more than it may with an empty cache, and nothing in it moves while it loads. */
export async function isLightAndStill(page, path) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Network.enable');
  await devtools.send('Network.setCacheDisabled', { cacheDisabled: true });
  let bytes = 0;
  devtools.on('Network.loadingFinished', ({ encodedDataLength }) => (bytes += encodedDataLength));
  const response = await page.goto(path);
  await page.waitForLoadState('load');
  const moved = await page.evaluate(async () => {
    await document.fonts.ready;
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    return new Promise((done) => {
      const moved = [];
      const told = ({ node, previousRect: was, currentRect: is }) => `${node?.outerHTML?.slice(0, 80)} from ${was.y} to ${is.y}`;
      const observer = new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) moved.push(...entry.sources.map(told));
      });
      observer.observe({ type: 'layout-shift', buffered: true });
      setTimeout(() => done(moved), 50);
    });
  });
  await devtools.send('Network.setCacheDisabled', { cacheDisabled: false });
  await devtools.detach();
  assert.ok(bytes < PAGE_BYTES_MAX, `${path} weighs ${bytes}`);
  assert.equal(moved.join('; '), '', `${path} moves while it loads`);
  return response;
}

/** Policy and addresses: no inline code, trusted types, and no word of a person in the title or the address. */
export function saysNothing(response, title, words) {
  const policy = response.headers()['content-security-policy'] ?? '';
  const where = new URL(response.url());
  assert.ok(policy.includes("require-trusted-types-for 'script'"), `${where.pathname}: ${policy}`);
  assert.ok(!policy.includes('unsafe-'), `${where.pathname}: ${policy}`);
  for (const word of words) {
    const names = (text) => text.toLowerCase().includes(word.toLowerCase());
    assert.ok(!names(decodeURIComponent(response.url())), `${where.pathname} names somebody`);
    assert.ok(!names(title), `${where.pathname}: its title names somebody`);
  }
}

/** Beside a call, on a tablet, at 200 % and on the narrowest screen, the page itself is never scrolled sideways, and no word is broken. */
export async function fits(page, name) {
  const size = page.viewportSize();
  for (const width of NARROWED) {
    await page.setViewportSize({ width, height: 600 });
    const over = await page.evaluate(() => {
      const wide = document.documentElement.clientWidth;
      if (document.scrollingElement.scrollWidth <= wide) return '';
      const reach = (element) => element.getBoundingClientRect().right;
      const scrolls = (element) => getComputedStyle(element).overflowX !== 'visible';
      const isOut = (element) => {
        for (let up = element.parentElement; up && up !== document.body; up = up.parentElement) if (scrolls(up)) return false;
        return true;
      };
      const last = [...document.body.querySelectorAll('*')].filter(isOut).sort((a, b) => reach(b) - reach(a))[0];
      return `${last.outerHTML.slice(0, 120)} ends ${reach(last) - wide} px beyond`;
    });
    assert.equal(over, '', `${name} is too wide at ${width}`);
    assert.deepEqual(await page.evaluate(brokenWords), [], `${name} breaks words at ${width}`);
  }
  await page.setViewportSize(size);
}

/** In the page: words that a narrow column goes on with in another line. What is long has to; what a person writes in one word has not. */
function brokenWords() {
  const broken = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  const lines = (node, from, to) => {
    range.setStart(node, from);
    range.setEnd(node, to);
    return new Set([...range.getClientRects()].filter((box) => box.width > 0).map((box) => Math.round(box.top))).size;
  };
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (getComputedStyle(element).overflowWrap === 'normal' || lines(node, 0, node.length) < 2) continue;
    for (const { 0: word, index } of node.data.matchAll(/(?<![^\s])\p{L}{2,16}(?![^\s])/gu)) {
      if (lines(node, index, index + word.length) > 1) broken.push(`${word} in ${element.outerHTML.slice(0, 80)}`);
    }
  }
  return broken.slice(0, 6);
}

/** On Letter and A4: nothing ends beyond the sheet or is cut, nothing lies over words, and no heading stands over nothing. */
export async function prints(page, name) {
  const size = page.viewportSize();
  const wrong = {};
  await page.emulateMedia({ media: 'print' });
  for (const [paper, width] of Object.entries(PAPERS)) {
    await page.setViewportSize({ width, height: 600 });
    wrong[paper] = await page.evaluate(lookAtPaper);
  }
  await page.emulateMedia({ media: null });
  await page.setViewportSize(size);
  for (const [paper, found] of Object.entries(wrong)) assert.deepEqual(found, [], `${name} on ${paper}`);
}

/** In the page. */
function lookAtPaper() {
  const main = document.querySelector('main');
  const wide = document.documentElement.clientWidth;
  const isClipped = (element) => element && (getComputedStyle(element).clipPath !== 'none' || isClipped(element.parentElement));
  const isSeen = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !isClipped(element);
  const told = (element) => element.outerHTML.replace(/\s+/g, ' ').slice(0, 100);
  const wrong = [];

  const words = [];
  const walker = document.createTreeWalker(main, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (node.data.trim() === '' || !isSeen(element)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) if (box.width > 0) words.push({ element, box, text: node.data.trim() });
  }
  const pictures = [...main.querySelectorAll('svg, img')].filter(isSeen).map((element) => ({ element, box: element.getBoundingClientRect(), text: '' }));

  for (const { element, box } of [...words, ...pictures]) if (box.right > wide + 1) wrong.push(`${told(element)} ends ${Math.round(box.right - wide)} px beyond the sheet`);
  for (const element of main.querySelectorAll('*')) {
    const cuts = getComputedStyle(element).overflowX !== 'visible' && element.scrollWidth > element.clientWidth + 1;
    if (cuts && isSeen(element) && element.innerText?.trim()) wrong.push(`${told(element)} is cut`);
  }
  const all = [...words, ...pictures].sort((a, b) => a.box.top - b.box.top);
  for (const [at, one] of all.entries()) {
    for (const other of all.slice(at + 1)) {
      if (other.box.top > one.box.bottom - 2) break;
      const across = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
      const isWithin = one.element.contains(other.element) || other.element.contains(one.element);
      if (across > 2 && Math.min(one.box.bottom, other.box.bottom) - other.box.top > 4 && !isWithin) wrong.push(`${told(one.element)} lies over ${told(other.element)}`);
    }
  }
  // The first heading says whose page it is; parts of a form are within one another by class.
  const isHeading = (element) => /^H[2-4]$/.test(element.tagName) && !element.closest('.answers');
  const blocks = [...main.querySelectorAll('*')].filter((element) => isSeen(element) && (isHeading(element) || element.matches('svg, img') || [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())));
  for (const [at, heading] of blocks.entries()) {
    if (!isHeading(heading)) continue;
    const next = blocks.slice(at + 1).find((block) => !heading.contains(block));
    if (!next || (isHeading(next) && next.tagName <= heading.tagName)) wrong.push(`${told(heading)} stands over nothing`);
  }
  for (const figure of main.querySelectorAll('figure:has(svg)')) if (getComputedStyle(figure).breakInside !== 'avoid') wrong.push(`${told(figure)} may be parted`);
  for (const band of main.querySelectorAll('.band')) if (getComputedStyle(band).stroke === 'none') wrong.push(`${told(band)} is not seen on white`);
  return [...new Set(wrong)].slice(0, 12);
}

/** By Tab through the page: each stop is named, and nothing covers it. */
export async function isSeenInFocus(page, name) {
  await page.evaluate(() => {
    document.activeElement?.blur();
    window.scrollTo(0, 0);
  });
  const seen = new Set();
  for (let stop = 0; stop < STOPS_MAX; stop += 1) {
    await page.keyboard.press('Tab');
    const found = await page.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return null;
      element.dataset.stop ??= String(document.querySelectorAll('[data-stop]').length);
      const box = element.getBoundingClientRect();
      const inside = (low, high, most) => Math.min(Math.max((low + high) / 2, 0), most - 1);
      const hit = document.elementFromPoint(inside(box.left, box.right, innerWidth), inside(box.top, box.bottom, innerHeight));
      const isOff = box.bottom <= 0 || box.top >= innerHeight || box.right <= 0 || box.left >= innerWidth;
      const label = element.labels?.[0];
      const isHit = hit && (element.contains(hit) || hit.contains(element) || label?.contains(hit));
      const tag = element.outerHTML.slice(0, 120);
      return { at: element.dataset.stop, wrong: isOff ? `${tag} is off the screen` : isHit ? '' : `${tag} is under ${hit?.outerHTML.slice(0, 80)}` };
    });
    if (!found || seen.has(found.at)) break;
    seen.add(found.at);
    assert.equal(found.wrong, '', name);
  }
  assert.ok(seen.size > 0, `${name}: nothing takes the focus`);
}
