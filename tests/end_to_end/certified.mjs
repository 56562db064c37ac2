// npm's certified OpenID provider for the end-to-end tests: node certified.mjs PORT REDIRECT_URI...
// Whoever comes is signed in as the cookie `account` says, without a page; everything asked for is granted. With the
// cookie `pause`, the way back to the client is a link on a page and no redirect. The cookies `acr` and `ts` say in which
// class, and when. Whoever signs out at the provider ends sessions at LOGOUT_URI, where the environment names one. There,
// HOST is the address that it is at, in the place of loopback, and TLS a path whose .crt and .key it speaks TLS with.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import Provider, { interactionPolicy } from 'oidc-provider';

const [port, ...redirectUris] = process.argv.slice(2);
const host = process.env.HOST ?? '127.0.0.1';
const { TLS: tls } = process.env;
const issuer = `${tls ? 'https' : 'http'}://${host}:${port}`;
const groups = { ada: ['team', 'engineers'], mallory: ['visitors'] };

const policy = interactionPolicy.base();
policy.add(new interactionPolicy.Prompt({ name: 'select_account', requestable: true }), 0);

const provider = new Provider(issuer, {
  clients: [{
    client_id: 'sidecar',
    client_secret: 'end-to-end-client-secret',
    redirect_uris: redirectUris,
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    post_logout_redirect_uris: redirectUris.map((uri) => uri.replace('/callback', '/signed_out')),
    ...(process.env.LOGOUT_URI && {
      backchannel_logout_uri: process.env.LOGOUT_URI,
      backchannel_logout_session_required: true,
    }),
  }],
  acrValues: ['urn:mfa'],
  // It would tell nobody on loopback otherwise.
  fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
  ttl: { AuthorizationCode: 600 },
  pkce: { required: () => true },
  scopes: ['openid', 'offline_access', 'email', 'profile', 'groups'],
  claims: {
    openid: ['sub'],
    email: ['email', 'email_verified'],
    profile: ['name', 'preferred_username'],
    groups: ['groups'],
  },
  conformIdTokenClaims: false,
  issueRefreshToken: async () => true,
  features: { devInteractions: { enabled: false }, backchannelLogout: { enabled: true } },
  interactions: { policy, url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  findAccount: async (ctx, id) => ({
    accountId: id,
    claims: async () => ({
      sub: id,
      email: `${id}@example.com`,
      email_verified: true,
      name: id,
      preferred_username: id,
      groups: groups[id] ?? [],
    }),
  }),
  loadExistingGrant: async ({ oidc }) => {
    // One grant for a session: a new one would make worthless what codes of other tabs were given for.
    const known = oidc.session.grantIdFor(oidc.client.clientId);
    const grant = (known && await provider.Grant.find(known))
      || new provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope(oidc.params.scope);
    await grant.save();
    return grant;
  },
});

provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith('/interaction/')) {
    await next();
    const back = ctx.response.get('location');
    if (ctx.cookies.get('pause') && redirectUris.some((uri) => back.startsWith(uri))) {
      ctx.remove('location');
      ctx.status = 200;
      ctx.type = 'html';
      ctx.body = `<!doctype html><title>Paused</title><a id="continue" href="${back.replaceAll('&', '&amp;')}">Continue</a>`;
    }
    return;
  }
  ctx.respond = false;
  const accountId = ctx.cookies.get('account') ?? 'ada';
  const [acr, ts] = ['acr', 'ts'].map((name) => ctx.cookies.get(name));
  const login = { accountId, ...(acr && { acr }), ...(ts && { ts: Number(ts) }) };
  await provider.interactionFinished(ctx.req, ctx.res, { select_account: {}, login });
});

provider.on('backchannel.error', (ctx, error) => console.log(`back-channel logout failed: ${error}`));

const server = tls
  ? createServer({ cert: readFileSync(`${tls}.crt`), key: readFileSync(`${tls}.key`) }, provider.callback())
  : provider;
server.listen(Number(port), host, () => console.log(`listening at ${issuer}`));
