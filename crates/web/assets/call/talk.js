// Written words and files of a visit, under keys that the members hold and the server does not.

import { b64, concat, derive, fields, number, random, sha256, same, text, unb64, utf8 } from "./bytes.js";
import { verify } from "./keys.js";

const TEXT_SIZE_MAX = 4_000;
export const FILE_SIZE_MAX = 10 * 1024 * 1024;
const FILES_MAX = 20;
const CHUNK_SIZE = 24 * 1024;
const SENDER_KEYS_MAX = 32;
const CAPTION_SIZE_MAX = 300;
const NOTICE_SIZE_MAX = 32;
/** The server takes 20 messages and 512 kB a second from one person; words and signals need some of it too. */
const PACE_MS = 80;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const STARTS = {
  "application/pdf": (at) => text4(at, 0, 5) === "%PDF-",
  "image/jpeg": (at) => at[0] === 0xff && at[1] === 0xd8 && at[2] === 0xff,
  "image/png": (at) => b64(at.subarray(0, 8)) === "iVBORw0KGgo",
  "image/webp": (at) => text4(at, 0, 4) === "RIFF" && text4(at, 8, 12) === "WEBP",
  "image/heic": (at) => text4(at, 4, 8) === "ftyp" && ["heic", "heix", "mif1", "msf1"].includes(text4(at, 8, 12)),
  "application/dicom": (at) => text4(at, 128, 132) === "DICM",
};
const text4 = (bytes, from, to) => String.fromCharCode(...bytes.subarray(from, to));

/** What a file is by its first bytes, not by its name: null when it is none of what a visit takes. */
export function kindOf(bytes) {
  for (const [type, starts] of Object.entries(STARTS)) if (starts(bytes)) return type;
  try {
    const plain = text(bytes);
    return /^[^\u0000-\u0008\u000b\u000e-\u001f]+$/.test(plain) ? "text/plain" : null;
  } catch { return null; }
}

async function talkKey(base, visit, sender) {
  const raw = await derive(base, new Uint8Array(0), fields("wardstone-talk-v1", visit, sender), 40);
  const key = await crypto.subtle.importKey("raw", raw.subarray(0, 32), "AES-GCM", false, ["encrypt", "decrypt"]);
  return { key, id: b64(raw.subarray(32)) };
}

const aad = (visit, from, id, counter) => fields("wardstone-say-v1", visit, from, id, number(counter, 8));
const chunkAad = (visit, file, index, isLast) => fields("wardstone-file-v1", visit, file, number(index, 4), number(isLast ? 1 : 0, 1));
const chunkKey = (raw) => crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);

/**
 * Events: `said` (detail: {from, text} or {from, file}), `captioned` ({from, text}), `noticed` ({from, what}), `progress` (a file that
 * is coming: {from, id, name, type, size, received, chunks}), `refused` (detail: why). `send` takes a box for the server; `rested` is
 * when it takes more.
 */
export class Talk extends EventTarget {
  #mine = null;
  #counter = 0;
  #theirs = new Map();
  #files = new Map();
  #sent = 0;

  constructor({ visit, me, keys, send, rested = () => Promise.resolve() }) {
    super();
    Object.assign(this, { visit, me, keys, send, rested });
  }

  async useMine(base) {
    this.#mine = await talkKey(base, this.visit, this.me);
    this.#counter = 0;
  }

  async useTheirs(from, base) {
    const { key, id } = await talkKey(base, this.visit, from);
    const place = `${from}/${id}`;
    if (!this.#theirs.has(place)) this.#theirs.set(place, { key, seen: new Set() });
    if (this.#theirs.size > SENDER_KEYS_MAX) this.#theirs.delete(this.#theirs.keys().next().value);
  }

  async #say(content) {
    if (!this.#mine) throw new Error("no key yet");
    const counter = this.#counter;
    this.#counter += 1;
    const { key, id } = this.#mine;
    const bound = aad(this.visit, this.me, id, counter);
    const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv: number(counter, 12), additionalData: bound }, key, utf8(JSON.stringify(content))));
    const signature = await this.keys.signed(concat(bound, sealed));
    const box = { kind: "say", key: id, counter, box: b64(sealed), signature: b64(signature) };
    if (!this.send(box)) throw new Error("not sent");
  }

  async say(words) {
    if (!words || words.length > TEXT_SIZE_MAX) throw new Error("empty or too long");
    await this.#say({ text: words });
  }

  /** Shown under the picture and not among the messages. */
  async caption(words) {
    if (!words || words.length > CAPTION_SIZE_MAX) throw new Error("empty or too long");
    await this.#say({ caption: words });
  }

  /** A closed word, for which each page has a sentence of its own. */
  async notice(what) { await this.#say({ notice: what }); }

  /** The name, the type and the key go inside the sealed message; the chunks follow under that key. `onProgress` is told 0 to 1. */
  async sendFile(name, bytes, onProgress = () => {}) {
    const type = kindOf(bytes);
    if (!type) throw new Error("this kind of file is not taken");
    if (bytes.length > FILE_SIZE_MAX) throw new Error("the file is too large");
    if (this.#sent >= FILES_MAX) throw new Error("too many files in this visit");
    this.#sent += 1;
    const [raw, id] = [random(32), b64(random(12))];
    const chunks = Math.max(1, Math.ceil(bytes.length / CHUNK_SIZE));
    const digest = b64(await sha256(bytes));
    await this.#say({ file: { id, name: name.slice(0, 200), type, size: bytes.length, chunks, digest, key: b64(raw) } });
    const key = await chunkKey(raw);
    for (let index = 0; index < chunks; index += 1) {
      const plain = bytes.subarray(index * CHUNK_SIZE, (index + 1) * CHUNK_SIZE);
      const additionalData = chunkAad(this.visit, id, index, index === chunks - 1);
      const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv: number(index, 12), additionalData }, key, plain);
      await this.rested();
      if (!this.send({ kind: "chunk", file: id, index, last: index === chunks - 1, box: b64(sealed) })) throw new Error("not sent");
      onProgress((index + 1) / chunks);
      if (index < chunks - 1) await pause(PACE_MS);
    }
    return id;
  }

  #refuse(why) { this.dispatchEvent(new CustomEvent("refused", { detail: why })); }

  /** `signPublic` is that of the roster's member `from`. */
  async heard(from, box, signPublic) {
    try {
      if (box.kind === "chunk") await this.#chunk(from, box);
      else await this.#words(from, box, signPublic);
    } catch { this.#refuse("unreadable"); }
  }

  async #words(from, box, signPublic) {
    const held = this.#theirs.get(`${from}/${box.key}`);
    // Said before this device was let in: not for it to read.
    if (!held) return;
    if (!Number.isSafeInteger(box.counter) || held.seen.has(box.counter)) { this.#refuse("replayed"); return; }
    const bound = aad(this.visit, from, box.key, box.counter);
    const sealed = unb64(box.box);
    if (!await verify(unb64(signPublic), unb64(box.signature), concat(bound, sealed))) { this.#refuse("forged"); return; }
    const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv: number(box.counter, 12), additionalData: bound }, held.key, sealed);
    held.seen.add(box.counter);
    const content = JSON.parse(text(new Uint8Array(plain)));
    if (content.file) await this.#offered(from, content.file);
    else if (typeof content.caption === "string") this.dispatchEvent(new CustomEvent("captioned", { detail: { from, text: content.caption.slice(0, CAPTION_SIZE_MAX) } }));
    else if (typeof content.notice === "string") this.dispatchEvent(new CustomEvent("noticed", { detail: { from, what: content.notice.slice(0, NOTICE_SIZE_MAX) } }));
    else this.dispatchEvent(new CustomEvent("said", { detail: { from, text: String(content.text).slice(0, TEXT_SIZE_MAX) } }));
  }

  async #offered(from, { id, name, type, size, chunks, digest, key }) {
    const theirs = [...this.#files.values()].filter((file) => file.from === from).length;
    const isFit = size >= 0 && size <= FILE_SIZE_MAX && chunks === Math.max(1, Math.ceil(size / CHUNK_SIZE));
    if (theirs >= FILES_MAX || !isFit) { this.#refuse("file"); return; }
    const fresh = { from, id, name: String(name).slice(0, 200), type, size, chunks, digest, key: await chunkKey(unb64(key)), parts: new Map() };
    this.#files.set(`${from}/${id}`, fresh);
    this.#progress(fresh);
  }

  #progress({ from, id, name, type, size, chunks, parts }) {
    this.dispatchEvent(new CustomEvent("progress", { detail: { from, id, name, type, size, chunks, received: parts.size } }));
  }

  async #chunk(from, { file: id, index, last, box }) {
    const file = this.#files.get(`${from}/${id}`);
    if (!file || file.isDone || !(index >= 0 && index < file.chunks) || file.parts.has(index)) return;
    const additionalData = chunkAad(this.visit, id, index, last === true && index === file.chunks - 1);
    const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv: number(index, 12), additionalData }, file.key, unb64(box));
    file.parts.set(index, new Uint8Array(plain));
    this.#progress(file);
    if (file.parts.size < file.chunks) return;
    file.isDone = true;
    const bytes = concat(...Array.from({ length: file.chunks }, (_, at) => file.parts.get(at)));
    file.parts.clear();
    if (!same(await sha256(bytes), unb64(file.digest)) || kindOf(bytes) !== file.type) { this.#refuse("file"); return; }
    this.dispatchEvent(new CustomEvent("said", { detail: { from, file: { id, name: file.name, type: file.type, bytes } } }));
  }
}
