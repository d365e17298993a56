// A client of the CSC API v2 in plain Node, written from the specifications' fields alone:
// discovery → pushed request with authorization_details → code with PKCE → credential token → signHash.
//
//   node csc_oauth.mjs BASE CLIENT_ID CLIENT_SECRET CREDENTIAL TEXT...
//
// Prints "open URL" for the citizen, waits for the redirect on a loopback port (RFC 8252), and prints one JSON object with the
// hashes and their signatures, checked against the credential's certificate.

import assert from "node:assert/strict";
import { createHash, randomBytes, verify, X509Certificate } from "node:crypto";
import { createServer } from "node:http";

const [base, clientId, clientSecret, credentialID, ...texts] = process.argv.slice(2);
const SHA256 = "2.16.840.1.101.3.4.2.1";
const SIGN = { "1.2.840.10045.4.3.2": "ec", "1.2.840.113549.1.1.11": "rsa" };

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
const hashes = texts.map((text) => createHash("sha256").update(text).digest("base64"));
const details = JSON.stringify([{
  type, credentialID, numSignatures: hashes.length, hashAlgorithmOID: SHA256,
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
const signAlgo = Object.keys(SIGN).find((oid) => credential.key.algo.includes(oid));
const { signatures } = await csc("signatures/signHash", token.access_token, {
  credentialID, hashes, hashAlgorithmOID: SHA256, signAlgo, operationMode: "S",
});
assert.equal(signatures.length, hashes.length);

const key = new X509Certificate(Buffer.from(credential.cert.certificates[0], "base64")).publicKey;
texts.forEach((text, n) => {
  // Node hashes the text itself, so this checks order and value at once.
  assert.ok(verify("sha256", Buffer.from(text), key, Buffer.from(signatures[n], "base64")), `signature ${n}`);
});

// Used up: the same call once more signs nothing.
const again = await fetch(`${base}/csc/v2/signatures/signHash`, {
  method: "POST", headers: { "content-type": "application/json", authorization: `Bearer ${token.access_token}` },
  body: JSON.stringify({ credentialID, hashes, hashAlgorithmOID: SHA256, signAlgo }),
});
assert.equal(again.status, 400);
console.log(JSON.stringify({ hashes, signatures }));
