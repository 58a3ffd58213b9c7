// This person's own sound and picture: devices, mute, the other camera, a screen, and getting them back after a phone call.

const PICTURE = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 24 } };

/** Events: `changed` (detail: {kind, isSameTrack}), whoever sends looks at `tracks` again; `taken`, the system took or gave back one. */
export class Media extends EventTarget {
  tracks = { audio: null, video: null };
  #wanted = { audio: true, video: true };
  #asked = { audio: true, video: PICTURE };
  #camera = null;

  #changed(kind, isSameTrack = false) { this.dispatchEvent(new CustomEvent("changed", { detail: { kind, isSameTrack } })); }

  /** Tracks that the caller made. */
  use(stream) {
    for (const [kind, [track]] of [["audio", stream.getAudioTracks()], ["video", stream.getVideoTracks()]]) {
      const { deviceId } = track?.getSettings() ?? {};
      // What was chosen before the call is what a restart asks for.
      if (deviceId) this.#asked[kind] = { ...(kind === "video" ? PICTURE : {}), deviceId: { ideal: deviceId } };
    }
    this.#put("audio", stream.getAudioTracks()[0] ?? null);
    this.#put("video", stream.getVideoTracks()[0] ?? null);
  }

  #put(kind, track) {
    const old = this.tracks[kind];
    if (track) track.enabled = this.#wanted[kind];
    this.tracks[kind] = track;
    for (const event of ["mute", "unmute", "ended"]) track?.addEventListener(event, () => { if (this.tracks[kind] === track) this.dispatchEvent(new Event("taken")); });
    if (old && old !== track && old !== this.#camera) old.stop();
    this.#changed(kind);
  }

  #want(kind, isOn) {
    this.#wanted[kind] = isOn;
    if (this.tracks[kind]) this.tracks[kind].enabled = isOn;
    this.#changed(kind, true);
  }
  microphone(isOn) { this.#want("audio", isOn); }
  camera(isOn) { this.#want("video", isOn); }

  async start() { this.use(await navigator.mediaDevices.getUserMedia(this.#asked)); }

  /** `deviceId` of one that enumerateDevices lists. */
  async device(kind, deviceId) {
    this.#asked = { ...this.#asked, [kind]: { ...(kind === "video" ? PICTURE : {}), deviceId: { exact: deviceId } } };
    await this.#again(kind);
  }

  async flip() {
    const facing = this.tracks.video?.getSettings().facingMode === "environment" ? "user" : "environment";
    this.#asked = { ...this.#asked, video: { ...PICTURE, facingMode: facing } };
    await this.#again("video");
  }

  async #again(kind) {
    // A phone gives its camera to one track at a time.
    this.tracks[kind]?.stop();
    const ask = (wanted) => navigator.mediaDevices.getUserMedia({ [kind]: wanted });
    // A device that was unplugged since is not waited for: any other is better than none.
    const stream = await ask(this.#asked[kind]).catch((error) => {
      if (!["OverconstrainedError", "NotFoundError"].includes(error.name)) throw error;
      return ask(kind === "video" ? PICTURE : true);
    });
    this.#put(kind, stream.getTracks()[0]);
  }

  /** After another app had the devices (a phone call): the old tracks may say live and be silent. */
  async restart() {
    await this.#again("audio");
    if (!this.#camera) await this.#again("video");
  }

  async shareScreen() {
    const [screen] = (await navigator.mediaDevices.getDisplayMedia({ video: true })).getVideoTracks();
    this.#camera = this.tracks.video;
    screen.onended = () => this.stopScreen();
    this.#put("video", screen);
  }

  stopScreen() {
    if (!this.#camera) return;
    const camera = this.#camera;
    this.#camera = null;
    this.#put("video", camera);
  }

  /** Those that the system has taken: muted by it, or ended and not by anybody here. */
  get taken() {
    return Object.keys(this.tracks).filter((kind) => { const track = this.tracks[kind]; return track && (track.muted || track.readyState === "ended"); });
  }

  /** What was taken is asked for again. Throws where the browser does not give it, or not before a press. */
  async restore() {
    for (const kind of this.taken) if (kind === "audio" || !this.#camera) await this.#again(kind);
  }

  get isSharing() { return this.#camera !== null; }
  get isOn() { return { ...this.#wanted }; }
  stop() { for (const track of [...Object.values(this.tracks), this.#camera]) track?.stop(); }
}
