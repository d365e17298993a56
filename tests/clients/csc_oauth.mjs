// A client of the CSC API v2 in plain Node, written from the specifications' fields alone:
// discovery → pushed request with authorization_details → code with PKCE → credential token → signHash.
//
//   node csc_oauth.mjs BASE CLIENT_ID CLIENT_SECRET CREDENTIAL {pkcs1|pss|ecdsa} {sha256|sha384} TEXT...
//
// Prints "open URL" for the citizen, waits for the redirect on a loopback port (RFC 8252), and prints one JSON object with the
// hashes and their signatures, checked against the credential's certificate.

import assert from "node:assert/strict";
import { constants, createHash, randomBytes, verify, X509Certificate } from "node:crypto";
import { createServer } from "node:http";

const [base, clientId, clientSecret, credentialID, scheme, digest, ...texts] = process.argv.slice(2);
const HASH = { sha256: "2.16.840.1.101.3.4.2.1", sha384: "2.16.840.1.101.3.4.2.2" }[digest];
const SALT = { sha256: 32, sha384: 48 }[digest];
const SIGN = {
  pkcs1: { signAlgo: "1.2.840.113549.1.1.1" },
  pss: { signAlgo: "1.2.840.113549.1.1.10", signAlgoParams: pssParameters().toString("base64") },
  ecdsa: { signAlgo: { sha256: "1.2.840.10045.4.3.2", sha384: "1.2.840.10045.4.3.3" }[digest] },
}[scheme];

/** RSASSA-PSS-params (RFC 8017 A.2.3): the hash, MGF1 with the same hash, a salt as long as the hash. */
function pssParameters() {
  const der = (tag, ...parts) => Buffer.concat([Buffer.from([tag, parts.reduce((n, part) => n + part.length, 0)]), ...parts]);
  const last = Number(HASH.split(".").at(-1));
  const hash = der(0x30, der(0x06, Buffer.from([0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, last])), der(0x05));
  const mgf1 = der(0x30, der(0x06, Buffer.from([0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08])), hash);
  return der(0x30, der(0xa0, hash), der(0xa1, mgf1), der(0xa2, der(0x02, Buffer.from([SALT]))));
}

async function answer(response, status) {
  const text = await response.text();
  assert.equal(response.status, status, `${response.url}: ${text}`);
  return text ? JSON.parse(text) : {};
}

const basic = "Basic " + Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`).toString("base64");
const form = (url, fields, status) =>
  fetch(url, { method: "POST", headers: { authorization: basic }, body: new URLSearchParams(fields) }).then((r) => answer(r, status));
const csc = (path, token, body) =>
  fetch(`${base}/csc/v2/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  }).then((r) => answer(r, 200));

/** Waits for the browser on a free loopback port. */
function loopback() {
  return new Promise((ready) => {
    const server = createServer();
    const back = new Promise((resolve) => {
      server.on("request", (request, response) => {
        response.end("You may close this page.", () => server.close());
        resolve(new URL(request.url, "http://127.0.0.1").searchParams);
      });
    });
    server.listen(0, "127.0.0.1", () => ready({ uri: `http://127.0.0.1:${server.address().port}/callback`, back }));
  });
}

// Discovery: what the service is, then its authorization server (RFC 8414).
const info = await csc("info", null, {});
assert.ok(info.authType.includes("oauth2code") && info.supportsRar === true);
const issuer = info.oauth2Issuer ?? info.oauth2;
const server = await answer(await fetch(`${issuer}/.well-known/oauth-authorization-server`), 200);
assert.equal(server.issuer, issuer);
assert.ok(server.code_challenge_methods_supported.includes("S256"));
const type = "https://cloudsignatureconsortium.org/2025/credential";
assert.ok(server.authorization_details_types_supported.includes(type));

// Pushed authorization request (RFC 9126) with rich details (RFC 9396) and PKCE (RFC 7636).
const hashes = texts.map((text) => createHash(digest).update(text).digest("base64"));
const details = JSON.stringify([{
  type, credentialID, numSignatures: hashes.length, hashAlgorithmOID: HASH,
  documentDigests: hashes.map((hash, n) => ({ hash, label: texts[n], hashType: "DTBSR" })),
}]);
const verifier = randomBytes(32).toString("base64url");
const state = randomBytes(16).toString("base64url");
const { uri, back } = await loopback();
const pushed = await form(server.pushed_authorization_request_endpoint, {
  response_type: "code", client_id: clientId, redirect_uri: uri, state, lang: "vi",
  code_challenge: createHash("sha256").update(verifier).digest("base64url"), code_challenge_method: "S256",
  authorization_details: details,
}, 201);
assert.ok(pushed.expires_in > 0);

// The citizen.
const page = new URL(server.authorization_endpoint);
page.search = new URLSearchParams({ client_id: clientId, request_uri: pushed.request_uri }).toString();
console.log(`open ${page}`);
const answered = await back;
assert.equal(answered.get("error"), null, answered.get("error_description"));
assert.equal(answered.get("state"), state);
assert.equal(answered.get("iss"), server.issuer, "RFC 9207");

// The token that serves as SAD.
const token = await form(server.token_endpoint, {
  grant_type: "authorization_code", code: answered.get("code"), redirect_uri: uri, code_verifier: verifier,
  client_id: clientId, authorization_details: details,
}, 200);
assert.equal(token.token_type, "Bearer");
assert.equal(token.authorization_details[0].credentialID, credentialID);

const credential = await csc("credentials/info", token.access_token, { credentialID, certificates: "chain", certInfo: true });
assert.equal(credential.key.status, "enabled");
assert.ok(credential.key.algo.includes(SIGN.signAlgo));
const { signatures } = await csc("signatures/signHash", token.access_token, {
  credentialID, hashes, hashAlgorithmOID: HASH, ...SIGN, operationMode: "S",
});
assert.equal(signatures.length, hashes.length);

const key = new X509Certificate(Buffer.from(credential.cert.certificates[0], "base64")).publicKey;
texts.forEach((text, n) => {
  // Node hashes the text itself, so this checks order and value at once.
  const how = scheme === "pss" ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: SALT } : key;
  assert.ok(verify(digest, Buffer.from(text), how, Buffer.from(signatures[n], "base64")), `signature ${n}`);
});

// Used up: the same call once more signs nothing.
const again = await fetch(`${base}/csc/v2/signatures/signHash`, {
  method: "POST", headers: { "content-type": "application/json", authorization: `Bearer ${token.access_token}` },
  body: JSON.stringify({ credentialID, hashes, hashAlgorithmOID: HASH, ...SIGN }),
});
assert.equal(again.status, 400);
console.log(JSON.stringify({ hashes, signatures }));
