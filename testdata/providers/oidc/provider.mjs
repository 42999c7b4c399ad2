// An OpenID Connect provider on https://HOST:PORT, on loopback, for the tests: anybody may
// sign in as anybody. It has a client for each algorithm of ID tokens, of that name, and
// "mobile", an app on a phone (RFC 8252). A SIGHUP gives it other keys.
// Usage: node provider.mjs HOST PORT CERTIFICATE KEY
import { createServer } from 'node:https';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import Provider from 'oidc-provider';

const [host, port, certificate, key] = process.argv.slice(2);
const algorithms = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'PS256'];

const jwk = (type, options) => ({ ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig' });

const client = algorithm => ({
  client_id: algorithm,
  client_secret: 'secret',
  redirect_uris: ['https://localhost/callback'],
  grant_types: ['authorization_code'],
  response_types: ['code'],
  id_token_signed_response_alg: algorithm,
});

const mobile = {
  client_id: 'mobile',
  application_type: 'native',
  token_endpoint_auth_method: 'none',
  redirect_uris: ['http://127.0.0.1/signed-in'],
  grant_types: ['authorization_code'],
  response_types: ['code'],
};

function provider() {
  const keys = [jwk('rsa', { modulusLength: 2048 }), jwk('ed25519'), ...['P-256', 'P-384', 'P-521'].map(namedCurve => jwk('ec', { namedCurve }))];
  return new Provider(`https://${host}:${port}`, {
    jwks: { keys },
    clients: [...algorithms.map(client), mobile],
    enabledJWA: { idTokenSigningAlgValues: algorithms },
    cookies: { keys: [randomUUID()] },
    claims: { openid: ['sub', 'https://aws.amazon.com/tags'] },
    conformIdTokenClaims: false,
    pkce: { required: () => false },
    findAccount: async (_, id) => ({
      accountId: id,
      claims: async () => ({ sub: id, 'https://aws.amazon.com/tags': { principal_tags: { team: ['red'] }, transitive_tag_keys: ['team'] } }),
    }),
    features: { devInteractions: { enabled: true } },
    ttl: { IdToken: 3600 },
  }).callback();
}

let answer = provider();
process.on('SIGHUP', () => { answer = provider(); console.log('other keys'); });
createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (req, res) => answer(req, res))
  .listen(Number(port), '127.0.0.1', () => console.log('listening'));
