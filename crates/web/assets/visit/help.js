// What to do, in the words of the browser that one has. Nothing of it is sent anywhere.

const agent = navigator.userAgent;
// An iPad says that it is a Mac; Macs have no touch.
const isApple = /iPhone|iPad|iPod/.test(agent) || (/Macintosh/.test(agent) && navigator.maxTouchPoints > 1);
const isAndroid = /Android/.test(agent);
const isFirefox = /Firefox\//.test(agent);
const isSafari = /Safari\//.test(agent) && !/Chrom|Edg/.test(agent);

export function allow() {
  if (isApple) return "On this iPhone or iPad: press the page sign beside the address, choose the settings of this website, and allow camera and microphone. Then load the page anew.";
  if (isAndroid && isFirefox) return "Press the lock beside the address, then Permissions, and allow camera and microphone.";
  if (isAndroid) return "Press the sign beside the address, then Permissions, and allow camera and microphone.";
  if (isFirefox) return "Press the sign of the microphone beside the address and take away what is blocked, then try again.";
  if (isSafari) return "In the menu Safari choose the settings of this website, and allow camera and microphone.";
  return "Press the sign beside the address, allow camera and microphone, and try again.";
}

export function silent() {
  if (isApple) return "Look whether the switch on the side is set to silent, turn the sound up with the buttons, and see whether headphones are connected.";
  if (isAndroid) return "Turn the sound up with the buttons on the side, for media and not for ringing, and see whether headphones are connected.";
  return "Turn the sound of this computer up, and choose in its sound settings the speaker or the headphones that you use.";
}

export function blocked() {
  const other = isApple || isAndroid ? "Change between Wi-Fi and the mobile network" : "Use another network, such as that of your telephone";
  return `The relay was not reached from here. ${other}, switch off a VPN, and try again. If it does not help, knock all the same: the clinic can call you.`;
}
