// Whether what the browser sends and plays did go through the worker, and how good the network is. It fails closed.

export const CHECK_MS = 2_000;
const SLACK_FRAMES = 25;
const FAILED_MAX = 20;
const REPLAYED_MAX = 5;
const UNPROVED_MS = 4_000;
export const LADDER = ["720", "360", "180", "audio"];
export const KBPS = { 720: 1_500, 360: 500, 180: 150, audio: 0 };
/** Part of what a rung may send that the network has to bear. */
const BORNE = 0.5;
const DOWN_AFTER = 3;
const UP_AFTER = 8;
const UP_AFTER_MAX = 64;

/**
 * Compares one slot's worker counters with the browser's own count of frames. Null, or what is wrong.
 * `browser` is framesEncoded/packetsSent of a sender, framesDecoded/packetsReceived of a receiver.
 */
export function judge({ side, kind, counters, browser, before, aliveMs }) {
  const { seen = 0, dec = 0, decErr = 0, replay = 0, codec = 0 } = counters ?? {};
  if (codec > 0) return "codec";
  if (side === "send") {
    if (browser - seen > SLACK_FRAMES) return "sent-around-the-worker";
    if (browser > 0 && seen === 0 && aliveMs > UNPROVED_MS) return "sent-around-the-worker";
    return null;
  }
  // Sound arrives as packets that may be late or lost before the worker; pictures are counted when they were decoded.
  if (kind === "video" && browser - dec > SLACK_FRAMES) return "played-around-the-worker";
  if (browser > 0 && seen === 0 && aliveMs > UNPROVED_MS) return "played-around-the-worker";
  // Copies that the browser itself hands over are counted apart: these came under another moment or stream.
  if (replay - (before?.replay ?? 0) > REPLAYED_MAX) return "replayed";
  const failed = decErr - (before?.decErr ?? 0);
  if (failed > FAILED_MAX && dec === (before?.dec ?? 0)) return "cannot-open";
  return null;
}

export function freshLadder() { return { level: 0, bad: 0, good: 0, upAfter: UP_AFTER, sinceUp: Infinity, reason: null }; }

/**
 * A step of the quality ladder: pure. Down after three bad samples, up after eight good ones, one rung at a time. A rung up that
 * did not last makes the next try wait twice as long: what the network would bear is only known by trying, since the browser's own
 * estimate does not rise above what is sent.
 */
export function climb(state, { isLimited = false, kbps = null, loss = 0, rttMs = 0 }) {
  const next = { ...state, sinceUp: state.sinceUp + 1, reason: null };
  // A browser says "bandwidth" of our own limit too, and of an encoder that it has stopped.
  const isShort = isLimited && (kbps ?? 0) < BORNE * KBPS[LADDER[state.level]];
  const reason = loss > 0.1 ? "loss" : isShort ? "bandwidth" : rttMs > 800 ? "delay" : null;
  if (reason) {
    const bad = Math.min(state.bad + 1, DOWN_AFTER);
    if (bad < DOWN_AFTER || state.level === LADDER.length - 1) return { ...next, bad, good: 0 };
    const upAfter = next.sinceUp <= UP_AFTER ? Math.min(UP_AFTER_MAX, state.upAfter * 2) : state.upAfter;
    return { ...next, level: state.level + 1, bad: 0, good: 0, upAfter, reason };
  }
  const good = state.level > 0 && loss < 0.02 ? state.good + 1 : 0;
  if (good < state.upAfter) return { ...next, bad: 0, good };
  return { ...next, level: state.level - 1, bad: 0, good: 0, sinceUp: 0, reason: "recovered" };
}

/** What the meter shows, of one connection's getStats. */
export function measure(reports, before, nowMs) {
  const now = { atMs: nowMs, bytesIn: 0, bytesOut: 0, lost: 0, received: 0, rttMs: 0, isLimited: false, kbps: null, candidate: null };
  for (const report of reports.values()) {
    if (report.type === "inbound-rtp") {
      now.bytesIn += report.bytesReceived ?? 0;
      now.lost += report.packetsLost ?? 0;
      now.received += report.packetsReceived ?? 0;
    }
    if (report.type === "outbound-rtp") {
      now.bytesOut += report.bytesSent ?? 0;
      if (report.qualityLimitationReason === "bandwidth") now.isLimited = true;
    }
    if (report.type === "remote-inbound-rtp") now.sendLoss = Math.max(now.sendLoss ?? 0, report.fractionLost ?? 0);
    if (report.type === "candidate-pair" && report.nominated) {
      now.rttMs = 1_000 * (report.currentRoundTripTime ?? 0);
      if (report.availableOutgoingBitrate) now.kbps = report.availableOutgoingBitrate / 1_000;
      now.candidate = reports.get(report.localCandidateId)?.candidateType ?? null;
    }
  }
  const arrived = now.received - (before?.received ?? 0);
  const lost = now.lost - (before?.lost ?? 0);
  now.loss = Math.max(now.sendLoss ?? 0, arrived + lost > 0 ? Math.max(0, lost) / (arrived + lost) : 0);
  const seconds = before ? (nowMs - before.atMs) / 1_000 : 0;
  now.inKbps = seconds ? (8 * (now.bytesIn - before.bytesIn)) / 1_000 / seconds : 0;
  now.outKbps = seconds ? (8 * (now.bytesOut - before.bytesOut)) / 1_000 / seconds : 0;
  return now;
}
