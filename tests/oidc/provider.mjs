// A certified OpenID provider with two clients. One gets access tokens in the form of JWTs by the
// grant of client credentials; the other signs browsers in, by the authorization code flow with
// PKCE, and everyone who comes is the same synthetic person. It publishes its keys at an address
// other than its issuer's.
//
//   node provider.mjs CERTIFICATE KEY PORT NAME_OF_ITS_KEYS
//
// Its keys are made at each start. It prints where it listens.
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import Provider from 'oidc-provider';

const [certificate, key, port, name] = process.argv.slice(2);
const secret = 'synthetic-and-known-to-everyone-0123456789';

const jwk = (type, options, alg) => {
  const { privateKey } = generateKeyPairSync(type, options);
  return { ...privateKey.export({ format: 'jwk' }), kid: `${name}-${alg}`, alg, use: 'sig' };
};

const provider = new Provider('https://sso.synthetic.example/oidc', {
  clients: [{
    client_id: 'importer',
    client_secret: secret,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
  }, {
    client_id: 'registry',
    client_secret: secret,
    grant_types: ['authorization_code'],
    redirect_uris: ['https://registry.example/sign-in/synthetic/callback'],
    response_types: ['code'],
  }],
  jwks: {
    keys: [
      jwk('rsa', { modulusLength: 2048 }, 'RS256'),
      jwk('rsa', { modulusLength: 2048 }, 'PS256'),
      jwk('ec', { namedCurve: 'P-256' }, 'ES256'),
    ],
  },
  pkce: { required: () => true },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  interactions: { url: (_, { uid }) => `/interaction/${uid}` },
  // everyone has consented
  loadExistingGrant: async (ctx) => {
    const { client, session } = ctx.oidc;
    const grant = new ctx.oidc.provider.Grant({
      clientId: client.clientId,
      accountId: session.accountId,
    });
    grant.addOIDCScope('openid');
    await grant.save();
    return grant;
  },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      // urn:AUDIENCE:ALGORITHM
      getResourceServerInfo: (_, resource) => {
        const [, audience, alg] = resource.split(':');
        return {
          scope: 'registry',
          audience,
          accessTokenTTL: 300,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg } },
        };
      },
    },
  },
});

const answer = provider.callback();
const tls = { cert: readFileSync(certificate), key: readFileSync(key) };
const server = createServer(tls, (request, response) => {
  if (request.url.startsWith('/interaction/')) {
    const result = { login: { accountId: 'person' } };
    provider.interactionFinished(request, response, result).catch((error) => {
      console.error(error);
      response.writeHead(500).end();
    });
  } else {
    answer(request, response);
  }
});
server.listen(Number(port), '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
