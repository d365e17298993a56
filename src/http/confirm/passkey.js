// Asks the browser for a passkey and puts its answer into the form; the form is then sent like any other. Without this
// script the page works with its other methods.
"use strict";
const form = document.querySelector("form[data-passkey]");
const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

async function ask() {
  const { passkey, challenge, rp, credentials, user, name } = form.dataset;
  if (passkey === "create") {
    const publicKey = {
      challenge: bytes(challenge),
      rp: { id: rp, name: "KYSO" },
      user: { id: bytes(user), name, displayName: name },
      pubKeyCredParams: [-7, -8, -257].map((alg) => ({ type: "public-key", alg })),
      authenticatorSelection: { userVerification: "required", residentKey: "preferred" },
      attestation: "none",
    };
    const made = await navigator.credentials.create({ publicKey });
    return { client_data: made.response.clientDataJSON, attestation: made.response.attestationObject };
  }
  const publicKey = {
    challenge: bytes(challenge),
    rpId: rp,
    userVerification: "required",
    allowCredentials: credentials.split(" ").map((id) => ({ type: "public-key", id: bytes(id) })),
  };
  const given = await navigator.credentials.get({ publicKey });
  return {
    credential: given.rawId,
    client_data: given.response.clientDataJSON,
    authenticator_data: given.response.authenticatorData,
    signature: given.response.signature,
  };
}

if (form && window.PublicKeyCredential) {
  const button = form.querySelector("button");
  const trouble = form.querySelector("[data-trouble]");
  button.disabled = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    trouble.hidden = true;
    try {
      for (const [field, value] of Object.entries(await ask())) form.elements[field].value = text(value);
      form.submit();
    } catch {
      trouble.hidden = false;
      button.disabled = false;
    }
  });
} else if (form) {
  form.querySelector("[data-unable]").hidden = false;
}
