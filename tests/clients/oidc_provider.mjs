// A real OpenID Connect provider (npm's oidc-provider) with two people and one client, for the tests.
//
//   node oidc_provider.mjs NODE_MODULES REDIRECT_URI CLIENT_SECRET
//
// Prints its issuer when it is ready.

import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

const [modules, redirect, secret] = process.argv.slice(2);
const { Provider } = await import(pathToFileURL(`${modules}/oidc-provider/lib/index.js`));

const server = createServer();
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, {
  clients: [{ client_id: "kyso", client_secret: secret, redirect_uris: [redirect], response_types: ["code"], grant_types: ["authorization_code"] }],
  pkce: { required: () => true, methods: ["S256"] },
  // The claim stands in the ID token itself.
  conformIdTokenClaims: false,
  claims: { openid: ["sub", "national_number"] },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, national_number: `0010850000${id}` }) }),
  cookies: { keys: ["for tests"] },
});
server.on("request", provider.callback());
console.log(issuer);
