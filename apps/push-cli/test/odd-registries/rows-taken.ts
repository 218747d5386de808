import { quirkNames } from '@slipway/testkit';
import { answering, auths, errorBody, manifestPut, type OddRegistry, page, startOf, wired } from './odd-registry.ts';

/** HTTP that other clients take. */
const http: readonly OddRegistry[] = [
  { name: '100 Continue before every answer', ...wired({ interim: [100] }) },
  { name: '100 Continue before every answer, and a password', auth: auths.basic, ...wired({ interim: [100] }) },
  { name: '100 Continue before every answer, and a token', auth: auths.bearer, ...wired({ interim: [100] }) },
  { name: '102 Processing before every answer', ...wired({ interim: [102] }) },
  { name: '103 Early Hints before every answer', ...wired({ interim: [103] }) },
  { name: 'interim answers of all kinds', ...wired({ interim: [102, 100, 103, 100] }) },
  { name: 'fifty interim answers', ...wired({ interim: Array.from({ length: 50 }, () => 100 as const) }) },
  { name: 'bare line feeds', ...wired({ lineEnd: 'lf' }) },
  { name: 'bare line feeds, and a token', auth: auths.bearer, ...wired({ lineEnd: 'lf' }) },
  { name: 'a length in two lines', ...wired({ length: 'twice' }) },
  { name: 'a length twice in one line', ...wired({ length: 'twice-in-one-line' }) },
  { name: 'a length twice, and bare line feeds', ...wired({ length: 'twice', lineEnd: 'lf' }) },
  { name: 'a length beside chunks', ...wired({ length: 'beside-chunks' }) },
  { name: 'a length beside chunks, and a token', auth: auths.bearer, ...wired({ length: 'beside-chunks' }) },
  { name: 'a space before each colon', ...wired({ spaceBeforeColon: true }) },
  { name: 'a space before each colon of a challenge', auth: auths.bearer, ...wired({ spaceBeforeColon: true }) },
  { name: 'no reason after the status', ...wired({ reason: false }) },
  { name: 'HTTP/1.0', ...wired({ http10: true }) },
  {
    name: 'HTTP/1.0 with bare line feeds and a password',
    auth: auths.basic,
    ...wired({ http10: true, lineEnd: 'lf' }),
  },
  { name: 'gzip that nobody asked for', ...wired({ coding: 'gzip' }) },
  { name: 'a token in gzip', auth: auths.bearer, ...wired({ coding: 'gzip' }) },
  { name: 'a token in deflate', auth: auths.bearer, ...wired({ coding: 'deflate' }) },
  { name: 'a token in brotli', auth: auths.bearer, ...wired({ coding: 'br' }) },
  { name: 'a token in gzip after 100 Continue', auth: auths.bearer, ...wired({ coding: 'gzip', interim: [100] }) },
  { name: 'gzip, and a length in two lines', ...wired({ coding: 'gzip', length: 'twice' }) },
  { name: 'the label of a coding on bytes that have none', auth: auths.bearer, ...wired({ coding: 'label' }) },
  { name: 'kept connections that are reset when used again', ...wired({ requestsPerConnection: 1 }) },
  {
    name: 'everything at once',
    auth: auths.bearer,
    ...wired({ interim: [100, 103], lineEnd: 'lf', length: 'twice', coding: 'gzip', spaceBeforeColon: true }),
  },
];

/** The registries whose peculiarities are known. */
const known: readonly OddRegistry[] = quirkNames
  .filter((name) => name !== 'zot')
  .flatMap((quirks) => [
    { name: `${quirks}`, quirks, isSeeded: true },
    ...(quirks === 'gar' ? [] : [{ name: `${quirks} with tokens`, quirks, isSeeded: true, auth: auths.bearer }]),
  ]);

/** What is optional, and does not work. */
const optional: readonly OddRegistry[] = [
  ...[401, 403, 409, 412, 422, 500, 502, 503].map((status) => ({
    name: `a mount is answered with ${status}`,
    isSeeded: true,
    rules: answering('mount', status, status === 503 ? { times: 1 } : {}),
  })),
  { name: 'a mount is answered with a page', rules: answering('mount', 404, { body: page('404 Not Found') }) },
  {
    name: 'a mount is answered without a Location',
    rules: [{ match: { kind: 'mount' }, omitHeaders: ['location'] }],
  },
  ...[401, 403, 405, 500, 501].map((status) => ({
    name: `HEAD of a blob is answered with ${status}`,
    rules: answering('blob-head', status),
  })),
  ...[401, 403, 405, 500].map((status) => ({
    name: `HEAD of a manifest is answered with ${status}`,
    rules: answering('manifest-head', status),
  })),
  ...[405, 410, 500].map((status) => ({
    name: `HEAD and GET of a manifest are answered with ${status}, and the list of tags tells`,
    rules: [...answering('manifest-head', status), ...answering('manifest-get', status)],
  })),
  ...[401, 403, 404, 405, 500].map((status) => ({
    name: `the list of tags is answered with ${status}`,
    rules: answering('tags', status),
  })),
  { name: 'the list of tags is a page', rules: answering('tags', 200, { body: page('Sign in') }) },
  {
    name: 'no answer has a digest',
    rules: [{ omitHeaders: ['docker-content-digest'] }],
  },
  {
    name: 'no answer has a version',
    rules: [{ omitHeaders: ['docker-distribution-api-version'] }],
  },
  { name: 'Locations are whole URLs', quirks: { location: 'absolute' } },
  { name: 'Locations of 20 kB', quirks: { locationBallast: 20_000 } },
  ...[200, 201, 202, 204].map((status) => ({
    name: `a mount is answered with ${status}, and nothing is done`,
    isSeeded: true,
    rules: answering('mount', status),
  })),
  ...[201, 202].map((status) => ({
    name: `a mount is answered with ${status} and a blob that is not there`,
    rules: answering('mount', status, { headers: { location: `/v2/demo/app/blobs/sha256:${'0'.repeat(64)}` } }),
  })),
  { name: 'uploads are opened with 201', quirks: { startStatus: 201 } },
  {
    name: 'uploads are opened with 201, and have no number',
    quirks: { startStatus: 201 },
    rules: [{ match: startOf, omitHeaders: ['docker-upload-uuid'] }],
  },
  { name: 'uploads are opened with 200', quirks: { startStatus: 200 } },
  { name: 'uploads are opened with 204', quirks: { startStatus: 204 } },
  ...[200, 202, 204].map((status) => ({
    name: `the end of an upload is answered with ${status}`,
    quirks: { commitStatus: status },
  })),
  {
    name: 'the end of an upload is answered with 202, to who may write and not read',
    quirks: { commitStatus: 202 },
    rules: answering('blob-head', 403),
  },
  { name: 'PATCH is answered with 201', quirks: { patchStatus: 201 } },
  { name: 'PATCH is answered with 204', quirks: { patchStatus: 204 } },
  { name: 'a PUT with a body is refused', quirks: { putWithBody: 'not-found' } },
  { name: 'an absent manifest is 400', quirks: { manifestHeadMissStatus: 400 } },
  { name: 'sessions tell bytes=0--1', quirks: { startRange: 'bytes=0--1' } },
  { name: 'sha256-HEX names the manifest itself', quirks: { digestTags: true, referrers: false }, isSeeded: true },
  {
    name: 'a POST is sent elsewhere for good',
    rules: [
      {
        match: { kind: 'upload-start', path: /uploads\/(?:\?|$)/ },
        times: 1,
        status: 308,
        headers: { location: '?again' },
      },
    ],
  },
  {
    name: 'a ping is sent elsewhere',
    rules: [{ match: { kind: 'ping' }, times: 1, status: 302, headers: { location: '/v2/?again' } }],
  },
];

/** Ways to tokens. */
const tokens: readonly OddRegistry[] = [
  ...(
    [
      ['a path for a realm', 'Bearer realm="/token"'],
      ['a path for a realm, with a query', 'Bearer realm="/token?account=all",service="odd"'],
      [
        'Basic and Bearer in one line',
        'Basic realm="x", Bearer realm="/token",service="odd",scope="repository:a:pull"',
      ],
      ['Bearer and Basic in one line', 'Bearer realm="/token",service="odd", Basic realm="x"'],
      ['Negotiate first', 'Negotiate, NTLM, Bearer realm="/token"'],
      ['a scheme in capitals', 'BEARER REALM="/token",SERVICE="odd"'],
      ['parameters that are not quoted', 'Bearer realm="/token",service=odd,scope=registry:catalog:*'],
      ['spaces around its signs', 'Bearer  realm = "/token" , service = "odd" ,'],
      ['quoted signs within', 'Bearer realm="/token",service="a \\"b\\", c=d"'],
      ['parameters nobody knows', 'Bearer realm="/token",error="invalid_token",nonce="x,y",foo=bar'],
      ['a long token after the first way', 'Negotiate YWJjZGVmZ2hpamtsbW5vcHFyc3Q=, Bearer realm="/token"'],
    ] as const
  ).map(([what, challenge]) => ({
    name: `a challenge with ${what}`,
    auth: auths.bearer,
    rules: [{ match: { kind: 'ping' as const }, times: 1, status: 401, headers: { 'www-authenticate': challenge } }],
  })),
  { name: 'the token under its other name', auth: { ...auths.bearer, tokenField: 'access_token' } },
  { name: 'a token server on another port', auth: { ...auths.bearer, tokenServer: 'separate' } },
  { name: 'a token server that reads the first scope only', auth: { ...auths.bearer, scopesRead: 'first' } },
  {
    name: 'a token server that reads the last scope only',
    auth: { ...auths.bearer, scopesRead: 'last-of-repository' },
  },
  { name: 'a token server without OAuth2', auth: { ...auths.bearer, oauth2: false } },
  { name: 'strangers may pull', auth: { ...auths.bearer, anonymous: 'pull' } },
  { name: 'tokens that last two seconds', auth: { ...auths.bearer, expiresInSeconds: 2 } },
  ...[429, 500, 502, 503, 504].map((status) => ({
    name: `the first token is answered with ${status}`,
    auth: auths.bearer,
    rules: answering('token', status, { times: 1, headers: { 'retry-after': '0' } }),
  })),
  {
    name: 'a token dies in the middle, and the answer names Basic',
    auth: auths.bearer,
    rules: answering('upload-put', 401, { times: 1, headers: { 'www-authenticate': 'Basic realm="GitLab"' } }),
  },
  {
    name: 'a token dies in the middle, and the answer names nothing',
    auth: auths.bearer,
    rules: answering('upload-put', 401, { times: 1 }),
  },
  {
    name: 'a token dies before the manifest',
    auth: auths.bearer,
    rules: answering('manifest-put', 401, { times: 1, headers: { 'www-authenticate': 'Bearer realm="/token"' } }),
  },
];

const later = { headers: { 'retry-after': '0' } } as const;

/** Faults that pass. */
const passing: readonly OddRegistry[] = [
  // Which request meets it, is chance: a question is repeated at once, an upload is begun anew.
  { name: 'every third use of a connection reset', auth: auths.bearer, ...wired({ requestsPerConnection: 2 }) },
  ...[429, 500, 502, 503, 504, 522].flatMap((status) => [
    { name: `the first ping is answered with ${status}`, rules: answering('ping', status, { times: 1, ...later }) },
    {
      name: `the first POST is answered with ${status}`,
      rules: answering(['mount', 'upload-start'], status, { times: 1, ...later }),
    },
    {
      name: `the first PUT is answered with ${status}`,
      rules: answering('upload-put', status, { times: 1, ...later }),
    },
    {
      name: `the first manifest is answered with ${status}`,
      rules: answering('manifest-put', status, { times: 1, ...later }),
    },
  ]),
  { name: 'the first PUT is cut off', rules: [{ match: { kind: 'upload-put' }, times: 1, dropAfter: 5_000 }] },
  {
    name: 'the answer to the first PUT is lost',
    rules: [{ match: { kind: 'upload-put' }, times: 1, dropResponse: true }],
  },
  { name: 'the answer to the manifest is lost', rules: [{ match: manifestPut, times: 1, dropResponse: true }] },
  { name: 'the first POST is reset', rules: [{ match: startOf, times: 1, reset: true }] },
  {
    name: 'the session is forgotten',
    rules: answering('upload-put', 404, { times: 1, body: errorBody('BLOB_UPLOAD_UNKNOWN', 'blob upload unknown') }),
  },
  {
    name: 'a replica does not have the blobs yet',
    rules: answering('manifest-put', 404, {
      times: 1,
      body: errorBody('MANIFEST_BLOB_UNKNOWN', 'blob unknown to registry'),
    }),
    says: [/does not have blobs of the manifest yet/],
  },
  {
    name: 'every upload is cut off after 12 kB',
    rules: [{ match: { kind: ['upload-put', 'upload-patch'] }, dropAfter: 12_000 }],
    says: [/cuts uploads off/],
  },
];

/** Registries that an image gets into. */
export const taken: Readonly<Record<string, readonly OddRegistry[]>> = { http, known, optional, tokens, passing };
