import { answering, auths, errorBody, type OddRegistry, page, password, startOf, user, wired } from './odd-registry.ts';

const denied = { fails: 'ERR_REGISTRY_DENIED' } as const;
const starts = ['mount', 'upload-start'] as const;

/** What a registry says is shown. */
const words: readonly OddRegistry[] = [
  ...(
    [
      ['the form of the specification', errorBody('DENIED', 'the quota of 10 MiB is used up')],
      ['a list in no object', [{ code: 'DENIED', message: 'the quota of 10 MiB is used up' }]],
      ['one message', { message: 'the quota of 10 MiB is used up' }],
      ['one error', { error: 'the quota of 10 MiB is used up' }],
      ['an OAuth error', { error: 'access_denied', error_description: 'the quota of 10 MiB is used up' }],
      ['details', { details: 'the quota of 10 MiB is used up' }],
      ['plain text', 'the quota of 10 MiB is used up'],
      ['plain text of several lines', '\n\n  the quota of 10 MiB is used up  \n\n'],
      ['a page', page('the quota of 10 MiB is used up')],
      ['a page in small pieces', '<TITLE\nclass="x">\n the quota of 10&nbsp;MiB\n is used up </TITLE><p>x'],
    ] as const
  ).map(([form, body]) => ({
    ...denied,
    name: `a reason in ${form}`,
    auth: auths.basic,
    rules: answering(starts, 403, { body }),
    says: [/the quota of 10.MiB\s+is used up/],
    neverSays: ['slipway login', '<html', '<TITLE'],
  })),
  {
    ...denied,
    name: 'a reason in gzip',
    auth: auths.basic,
    ...wired({ coding: 'gzip' }),
    rules: answering(starts, 403, { body: errorBody('DENIED', 'the project is read-only') }),
    says: ['the project is read-only'],
    neverSays: ['slipway login'],
  },
  {
    ...denied,
    name: 'a reason, to a request with 20 kB of state',
    quirks: { locationBallast: 20_000 },
    rules: answering('upload-put', 403, { body: errorBody('DENIED', 'blobs above 1 kB are not allowed') }),
    says: ['blobs above 1 kB are not allowed'],
  },
  {
    name: 'a rule in the detail',
    fails: 'ERR_REGISTRY_UNEXPECTED',
    rules: answering('manifest-put', 400, {
      body: errorBody('MANIFEST_INVALID', 'manifest invalid', { rule: 'layers[0] must be signed' }),
    }),
    says: ['layers[0] must be signed'],
  },
  {
    name: 'signs that would move the cursor',
    ...denied,
    rules: answering(starts, 403, { body: errorBody('DENIED', 'first\u001b[2J\u0007second') }),
    says: [/first.*second/],
    neverSays: ['\u001b[2J', '\u0007'],
  },
  {
    name: 'letters of other scripts',
    ...denied,
    rules: answering(starts, 403, { body: errorBody('DENIED', '配额已用完 – größer als erlaubt') }),
    says: ['配额已用完 – größer als erlaubt'],
  },
];

/** Advice follows the words. */
const advice: readonly OddRegistry[] = [
  {
    ...denied,
    name: 'nothing but denied, to an account',
    auth: auths.basic,
    rules: answering(starts, 403, { body: errorBody('DENIED', 'requested access to the resource is denied') }),
    says: ['may lack the right to push'],
  },
  {
    ...denied,
    name: 'nothing but denied, to nobody',
    rules: answering(starts, 403, { body: errorBody('DENIED', 'requested access to the resource is denied') }),
    says: ['slipway login'],
  },
  {
    ...denied,
    name: 'a page in place of a refusal',
    auth: auths.basic,
    rules: answering(starts, 403, { body: page('Request blocked &#8211; incident 4711') }),
    says: ['Request blocked – incident 4711', 'a firewall or proxy before'],
    neverSays: ['slipway login'],
  },
  {
    name: 'credentials that nobody asked for',
    fails: 'ERR_REGISTRY_UNAUTHORIZED',
    kept: [user, password],
    rules: [{ status: 401, body: errorBody('UNAUTHORIZED', 'who are you?'), omitHeaders: ['www-authenticate'] }],
    says: ['asked for none'],
    neverSays: ['slipway login'],
  },
  {
    ...denied,
    name: 'credentials that nobody asked for, and 403',
    kept: [user, password],
    rules: answering(starts, 403, { body: errorBody('DENIED', 'anonymous is not allowed to write') }),
    says: ['anonymous is not allowed to write', 'asked for none'],
    neverSays: ['slipway login'],
  },
  {
    name: 'a wrong password',
    fails: 'ERR_REGISTRY_UNAUTHORIZED',
    auth: auths.basic,
    kept: [user, 'wr0ng-PaSS-word'],
    says: ['are refused', 'slipway login'],
  },
  {
    name: 'a password that its token server refuses',
    fails: 'ERR_REGISTRY_UNAUTHORIZED',
    auth: auths.bearer,
    kept: [user, 'wr0ng-PaSS-word'],
    says: ['are refused'],
  },
  {
    name: 'no credentials where some are wanted',
    fails: 'ERR_REGISTRY_DENIED',
    auth: auths.bearer,
    kept: false,
    says: ['slipway login'],
  },
  {
    name: 'a page in place of /v2/, as a hotel shows it',
    fails: 'ERR_REGISTRY_PROTOCOL',
    rules: [{ status: 200, body: page('Welcome to the hotel'), omitHeaders: ['docker-distribution-api-version'] }],
    says: [/web page/, /no registry/],
  },
  {
    name: 'a page in place of /v2/, and 405 to the rest',
    fails: 'ERR_REGISTRY_PROTOCOL',
    rules: [
      { match: { kind: 'ping' }, status: 200, body: page('My app'), omitHeaders: ['docker-distribution-api-version'] },
      { status: 405, body: page('405 Not Allowed'), omitHeaders: ['docker-distribution-api-version'] },
    ],
    says: [/web page/, /no registry/],
  },
  {
    name: 'nginx that wants a client certificate',
    fails: 'ERR_REGISTRY_UNEXPECTED',
    rules: [{ status: 400, body: page('400 No required SSL certificate was sent') }],
    says: ['client certificate', '--cert-dir'],
  },
  {
    name: 'the token server is a page to sign in',
    fails: 'ERR_REGISTRY_PROTOCOL',
    auth: auths.bearer,
    rules: answering('token', 200, { body: page('Sign in - Corporate SSO') }),
    says: [/token/i, /named by|names/],
  },
  {
    name: 'the token server is not there',
    fails: 'ERR_REGISTRY_NOT_FOUND',
    auth: auths.bearer,
    rules: answering('token', 404, { body: page('404 Not Found') }),
    says: ['token', '404'],
    neverSays: ['created before'],
  },
  {
    name: 'the token server has a name nobody knows',
    fails: 'ERR_REGISTRY_UNREACHABLE',
    rules: [{ status: 401, headers: { 'www-authenticate': 'Bearer realm="https://auth.odd.invalid/token"' } }],
    kept: [user, password],
    says: ['auth.odd.invalid', /token server|names it/],
  },
  {
    name: 'the upload is sent where nothing listens',
    fails: 'ERR_REGISTRY_UNREACHABLE',
    rules: [{ match: startOf, moveLocation: 'http://odd.invalid:81' }],
    says: ['sent the upload to', 'odd.invalid:81'],
  },
  {
    name: 'the upload is sent to a port where nothing listens, and the own one works',
    rules: [{ match: startOf, moveLocation: 'http://127.0.0.1:1' }],
  },
  {
    name: 'the repository does not exist',
    fails: 'ERR_REGISTRY_NOT_FOUND',
    quirks: { repositoriesMustExist: true },
    says: ['created before'],
  },
  {
    name: 'a registry that takes no manifests of docker, as zot',
    fails: 'ERR_REGISTRY_UNEXPECTED',
    quirks: 'zot',
    says: ['is not accepted', '--format oci'],
  },
  {
    name: 'a tag that cannot be moved',
    fails: 'ERR_REGISTRY_UNEXPECTED',
    rules: answering('manifest-put', 412, { body: errorBody('PRECONDITION', 'tag 1 is immutable') }),
    says: ['tag 1 is immutable'],
  },
];

/** Nobody is led to where he should not go, and nobody waits for ever. */
const safety: readonly OddRegistry[] = [
  ...['http://169.254.169.254/latest/meta-data/', 'http://[fe80::1]/x', 'http://169.254.0.1:80/v2/'].flatMap(
    (place) => [
      {
        name: `an upload is sent to ${place}`,
        fails: 'ERR_REGISTRY_REDIRECT_REFUSED',
        rules: answering(starts, 307, { headers: { location: place } }),
        says: ['link-local'],
      },
      {
        name: `a Location is ${place}`,
        fails: 'ERR_REGISTRY_REDIRECT_REFUSED',
        rules: [{ match: startOf, moveLocation: () => place }],
        says: ['link-local'],
      },
      {
        name: `the token server is ${place}`,
        fails: 'ERR_REGISTRY_REDIRECT_REFUSED',
        kept: [user, password] as const,
        rules: [{ status: 401, headers: { 'www-authenticate': `Bearer realm="${place}"` } }],
        says: ['link-local'],
      },
    ],
  ),
  {
    name: 'a ping that is answered with nothing but 102 Processing',
    fails: 'ERR_REGISTRY_UNREACHABLE',
    rules: [{ match: { kind: 'ping' }, interimEveryMs: 50 }],
    says: ['no answer came within 3000 ms'],
  },
  {
    name: 'a POST that is answered with nothing but 102 Processing',
    fails: 'ERR_REGISTRY_UNREACHABLE',
    rules: [{ match: startOf, interimEveryMs: 50 }],
    says: ['no answer came within 3000 ms'],
  },
  {
    name: 'a token that is answered with nothing but 102 Processing',
    fails: 'ERR_REGISTRY_UNREACHABLE',
    auth: auths.bearer,
    rules: [{ match: { kind: 'token' }, interimEveryMs: 50 }],
    says: ['no answer came within 3000 ms'],
  },
  {
    name: 'a list of tags that never comes, which nobody needs',
    rules: [{ match: { kind: 'tags' }, stall: true }],
  },
  ...[200, 202, 204].map((status) => ({
    name: `the end of an upload is answered with ${status}, and nothing is kept`,
    fails: 'ERR_REGISTRY_PROTOCOL',
    rules: [{ match: { kind: 'upload-put' as const }, readFirst: true, status }],
    says: [/does not have the blob sha256:/],
  })),
  {
    name: 'the answer to a manifest names another digest, and the manifest is right',
    rules: [{ match: { kind: 'manifest-put' }, wrongDigest: true }],
    fails: 'ERR_PUSH_NOT_SEEN',
    says: [/stored manifest .* as sha256:.*, and shows sha256:/, 'the tag has moved'],
    isTagged: true,
  },
  {
    name: 'a manifest that comes back as another one',
    fails: 'ERR_PUSH_NOT_SEEN',
    rules: [
      { match: { kind: 'manifest-put' }, wrongDigest: true },
      { match: { kind: ['manifest-get', 'manifest-head'] }, status: 200, body: { schemaVersion: 2 } },
    ],
    isTagged: true,
  },
  {
    name: 'a ping that leads in circles',
    fails: 'ERR_REGISTRY_REDIRECT_REFUSED',
    rules: answering('ping', 301, { headers: { location: '/v2/' } }),
    says: [/redirect/],
  },
];

const echo = (text: string): object => errorBody('DENIED', `I was told ${text}`);
const basic = Buffer.from(`${user}:${password}`).toString('base64');

/** What registries repeat is not repeated. */
const echoes: readonly OddRegistry[] = (
  [
    ['the password', password],
    ['the password in capitals', password.toUpperCase()],
    ['the password in small letters', password.toLowerCase()],
    ['the header', `Authorization: Basic ${basic}`],
    ['the header in small letters', `authorization: basic ${basic.toLowerCase()}`],
    ['a URL with both', `https://${user}:${password}@registry.test/v2/`],
    ['JSON with both', JSON.stringify({ username: user, password })],
    ['the password in base64', Buffer.from(password).toString('base64')],
  ] as const
).flatMap(([what, text]) => [
  {
    ...denied,
    name: `the registry repeats ${what}`,
    auth: auths.basic,
    rules: answering(starts, 403, { body: echo(text) }),
  },
  {
    fails: 'ERR_REGISTRY_UNAUTHORIZED',
    name: `the token server repeats ${what}`,
    auth: auths.bearer,
    rules: answering('token', 401, { body: { details: `bad: ${text}` } }),
  },
  { ...denied, name: `a page repeats ${what}`, auth: auths.basic, rules: answering(starts, 403, { body: page(text) }) },
]);

/** Registries that turn an image away, and lead nobody astray. */
export const refused: Readonly<Record<string, readonly OddRegistry[]>> = { words, advice, safety, echoes };
