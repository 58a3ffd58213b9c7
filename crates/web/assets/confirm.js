// Dialogs over a page: confirming that it is you before a form that asks for it, and what asks for a reason. Without scripts each
// has a page of its own.

const { send } = globalThis.wardstone;
const csrf = document.getElementById("session").dataset.csrf;
const dialog = document.getElementById("confirm");
const typed = document.getElementById("confirm-typed");
const wrong = document.getElementById("confirm-wrong");
const passkey = document.getElementById("confirm-passkey");
/// What is sent next still has to arrive in time.
const FRESH_MIN_S = 15;
let goOn = null;

passkey.hidden = !window.PublicKeyCredential?.parseRequestOptionsFromJSON;

const isFresh = async () => (await send("/session/active", {}, csrf)).fresh_s > FRESH_MIN_S;

function say(words) {
  wrong.textContent = words;
  wrong.hidden = !words;
  typed.toggleAttribute("aria-invalid", Boolean(words));
}

function open(then) {
  goOn = then;
  say("");
  typed.value = "";
  dialog.showModal();
  typed.focus();
}

function confirmed() {
  const then = goOn;
  goOn = null;
  dialog.close();
  then?.();
}

document.getElementById("confirm-not").addEventListener("click", () => dialog.close());
dialog.addEventListener("close", () => { goOn = null; typed.value = ""; });

document.getElementById("confirm-code").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await send("/stepup", { code: typed.value.trim() }, csrf);
    confirmed();
  } catch (error) {
    say(error.message);
    typed.select();
  }
});

passkey.querySelector("button").addEventListener("click", async () => {
  try {
    const options = await send("/stepup/passkey", {}, csrf);
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options.publicKey);
    const credential = (await navigator.credentials.get({ publicKey })).toJSON();
    await send("/stepup/passkey/finish", { credential }, csrf);
    confirmed();
  } catch (error) {
    say(error.name === "NotAllowedError" ? "The passkey was not used. Try again, or type a code." : error.message);
  }
});

// Forms that ask for it: what is typed stays where it is while one confirms.

for (const form of document.querySelectorAll("form[data-fresh]")) {
  let isSure = false;
  form.addEventListener("submit", async (event) => {
    if (isSure) return;
    event.preventDefault();
    const button = event.submitter;
    const submit = () => { isSure = true; form.requestSubmit(button); };
    try {
      if (await isFresh()) submit();
      else open(submit);
    } catch { submit(); }
  });
}

for (const link of document.querySelectorAll('a[href^="/stepup"]')) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    const next = new URL(link.href).searchParams.get("next");
    open(() => (next ? location.assign(next) : location.reload()));
  });
}

// What asks for a reason opens over the page.

for (const button of document.querySelectorAll("[data-opens]")) {
  const asks = document.getElementById(button.dataset.opens);
  button.addEventListener("click", () => asks.showModal());
  asks.querySelector("[data-closes]")?.addEventListener("click", (event) => { event.preventDefault(); asks.close(); });
  if (asks.hasAttribute("data-again")) asks.showModal();
}
