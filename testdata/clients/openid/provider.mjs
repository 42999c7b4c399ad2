// An OpenID Connect provider with one client, an app on a phone (RFC 8252), where
// everybody signs in who says his name. Arguments: the port, and the files of a
// certificate and its key.
import Provider from 'oidc-provider'
import { createServer } from 'node:https'
import { readFileSync } from 'node:fs'

const [port, cert, key] = process.argv.slice(2)
const provider = new Provider(`https://127.0.0.1:${port}`, {
  clients: [{
    client_id: 'mobile', application_type: 'native', token_endpoint_auth_method: 'none',
    redirect_uris: ['http://127.0.0.1/signed-in'], grant_types: ['authorization_code'], response_types: ['code'],
  }],
  cookies: { keys: ['a key of this test'] },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  features: { devInteractions: { enabled: true } },
  ttl: { IdToken: 600 },
})
createServer({ cert: readFileSync(cert), key: readFileSync(key) }, provider.callback())
  .listen(Number(port), '127.0.0.1', () => console.log('listening'))
