/** Where a registry departs from the plainest reading of the distribution spec. Every switch stands alone. */
export interface RegistryQuirks {
  /**
   * Form of every Location: a path, a URL, or a URL that says `http:` although the registry speaks TLS.
   * @default 'relative'
   */
  readonly location: 'relative' | 'absolute' | 'absolute-http';
  /** Bytes of ballast in the `_state` of every session's Location. @default 0 */
  readonly locationBallast: number;
  /** Which requests to a session are refused when their `_state` is not the newest one. @default 'writes' */
  readonly staleState: 'accepted' | 'writes' | 'refused';
  /** Header that carries a session's id. @default 'Docker-Upload-UUID' */
  readonly sessionHeader: string;
  /** Range of a fresh session. @default '0-0' */
  readonly startRange: string;
  /** Text before a status answer's Range: `bytes=`. @default '' */
  readonly statusRangePrefix: string;
  /** What a request for a session's status gets. @default 'answered' */
  readonly sessionStatus: 'answered' | 'not-found';
  /** Whether a status answer has a Location. @default true */
  readonly statusHasLocation: boolean;
  /** Of the answer that opens a session. @default 202 */
  readonly startStatus: number;
  /** @default 202 */
  readonly patchStatus: number;
  /** Of the answer to the PUT that ends a session. @default 201 */
  readonly commitStatus: number;
  /** What becomes of every PATCH of a session but the first. @default 'kept' */
  readonly laterPatches: 'kept' | 'dropped';
  /** Bytes of a PATCH that are kept at most; the rest of its body is read, and not acknowledged. @default all */
  readonly keptOfPatch: number;
  /** What a PATCH with a Content-Range gets: a check, no look at all, or 416. @default 'checked' */
  readonly contentRange: 'checked' | 'ignored' | 'refused';
  /** Largest PATCH with a Content-Range, answered with 416 beyond. @default none */
  readonly chunkMaxBytes: number;
  /** Largest body of all, answered with 413 beyond. @default none */
  readonly bodyMaxBytes: number;
  /** Refuses a PATCH with a Content-Type other than `application/octet-stream`. @default false */
  readonly patchNeedsOctetStream: boolean;
  /** What a PUT with a body gets. @default 'accepted' */
  readonly putWithBody: 'accepted' | 'not-found';
  /**
   * What is left of a session whose connection broke: its bytes, nothing, or a session that refuses everything (416).
   * @default 'kept'
   */
  readonly brokenSession: 'kept' | 'gone' | 'stuck';
  /** What a request to mount gets: the blob, a session, or a session that breaks at its commit. @default 'accepted' */
  readonly mount: 'accepted' | 'session' | 'broken-session';
  /** Whether a mount may leave `from` out. @default false */
  readonly anonymousMount: boolean;
  /** Status for a mount whose `from` has no such blob; 202 begins a session. @default 202 */
  readonly mountMissStatus: number;
  /**
   * Parts that the name in `from` may have; beyond, 400 with `{"details":"invalid repository name"}`.
   * @default any number
   */
  readonly fromMaxParts: number;
  /** Status for `from` without `mount`; 202 begins a session. @default 202 */
  readonly fromAloneStatus: number;
  /** Whether there is a referrers API. @default true */
  readonly referrers: boolean;
  /** Whether `sha256-HEX` in a tag's place names the manifest of that digest, whatever is put there. @default false */
  readonly digestTags: boolean;
  /** Refuses every repository that was not named at the start. @default false */
  readonly repositoriesMustExist: boolean;
  /** Whether a tag, once given, stays; even the same digest is refused. @default false */
  readonly immutableTags: false | { readonly status: number };
  /** Refuses Docker's schema 2 documents. @default false */
  readonly ociOnly: boolean;
  /** Refuses an OCI manifest that does not name its own media type. @default false */
  readonly manifestNeedsMediaType: boolean;
  /** Status for a manifest that is not there, when asked by HEAD. @default 404 */
  readonly manifestHeadMissStatus: number;
  /** Refuses a POST that begins an upload without Content-Length (411). @default false */
  readonly postNeedsLength: boolean;
  /** Refuses a manifest without Content-Length (411). @default false */
  readonly manifestNeedsLength: boolean;
  /** Sends a HEAD of a blob elsewhere first (307). @default false */
  readonly blobHeadRedirects: boolean;
  /** Whether a 401 names the way to authenticate. @default true */
  readonly challenges: boolean;
  /** What deleting a session asks of a token. @default 'push' */
  readonly sessionDeleteScope: 'push' | 'delete';
  /** What deleting a manifest by its digest gets: it is done, or 405. @default 'accepted' */
  readonly manifestDelete: 'accepted' | 'unsupported';
  /**
   * What deleting a tag gets: it is done, 400 as for a bad digest, 405, the manifest goes with all its tags, or it goes
   * with its last tag. @default 'accepted'
   */
  readonly tagDelete: 'accepted' | 'bad-digest' | 'unsupported' | 'with-manifest' | 'last-with-manifest';
  /** What deleting a blob gets: it is done, or 405. @default 'accepted' */
  readonly blobDelete: 'accepted' | 'unsupported';
  /** Whether there is a list of all repositories. @default true */
  readonly catalog: boolean;
  /** Entries of a page of tags or repositories, whatever more is asked for. @default all that is asked for */
  readonly pageMax: number;
  /**
   * Form of the link to the next page: a path, a URL, or a URL that says `http:` although the registry speaks TLS.
   * @default 'relative'
   */
  readonly pageLink: 'relative' | 'absolute' | 'absolute-http';
  /** The form that HTTP itself has: registries stand behind proxies and balancers that do not go by the book. */
  readonly wire: Partial<WireQuirks>;
}

/** How the answers of a registry look on the wire. */
export interface WireQuirks {
  /** Answers sent before every answer, asked for or not. @default none */
  readonly interim: readonly (100 | 102 | 103)[];
  /** What ends the lines of a head. @default 'crlf' */
  readonly lineEnd: 'crlf' | 'lf';
  /** How the length of a body is told: in a line, in two, twice in one, or beside chunks. @default 'once' */
  readonly length: 'once' | 'twice' | 'twice-in-one-line' | 'beside-chunks';
  /** Whether a space stands before the colon of every header. @default false */
  readonly spaceBeforeColon: boolean;
  /** Whether a reason follows the status. @default true */
  readonly reason: boolean;
  /** Speaks HTTP/1.0, and closes the connection after every answer. @default false */
  readonly http10: boolean;
  /**
   * Coding of every body but those of blobs, whatever was asked for; 'label' says gzip of all, and codes nothing.
   * @default 'none'
   */
  readonly coding: 'none' | 'gzip' | 'deflate' | 'br' | 'label';
  /** Requests that one connection serves; the next one on it is reset. @default any number */
  readonly requestsPerConnection: number;
}

/** A registry of the field whose peculiarities are known. They rest on source and threads, not on measurements. */
export type QuirkName =
  | 'distribution-2'
  | 'distribution-3'
  | 'ecr'
  | 'gar'
  | 'acr'
  | 'ghcr'
  | 'hub'
  | 'quay'
  | 'harbor'
  | 'artifactory'
  | 'gitlab'
  | 'nexus'
  | 'zot'
  | 'cloudflare';

/** A registry without peculiarities. */
export const noQuirks: RegistryQuirks = Object.freeze({
  location: 'relative',
  locationBallast: 0,
  staleState: 'writes',
  sessionHeader: 'Docker-Upload-UUID',
  startRange: '0-0',
  statusRangePrefix: '',
  sessionStatus: 'answered',
  statusHasLocation: true,
  startStatus: 202,
  patchStatus: 202,
  commitStatus: 201,
  laterPatches: 'kept',
  keptOfPatch: Number.POSITIVE_INFINITY,
  contentRange: 'checked',
  chunkMaxBytes: Number.POSITIVE_INFINITY,
  bodyMaxBytes: Number.POSITIVE_INFINITY,
  patchNeedsOctetStream: false,
  putWithBody: 'accepted',
  brokenSession: 'kept',
  mount: 'accepted',
  anonymousMount: false,
  mountMissStatus: 202,
  fromMaxParts: Number.POSITIVE_INFINITY,
  fromAloneStatus: 202,
  referrers: true,
  digestTags: false,
  repositoriesMustExist: false,
  immutableTags: false,
  ociOnly: false,
  manifestNeedsMediaType: false,
  manifestHeadMissStatus: 404,
  postNeedsLength: false,
  manifestNeedsLength: false,
  blobHeadRedirects: false,
  challenges: true,
  sessionDeleteScope: 'push',
  manifestDelete: 'accepted',
  tagDelete: 'accepted',
  blobDelete: 'accepted',
  catalog: true,
  pageMax: Number.POSITIVE_INFINITY,
  pageLink: 'relative',
  wire: Object.freeze({}),
});

const MiB = 1024 * 1024;

const deletesNothing = {
  manifestDelete: 'unsupported',
  tagDelete: 'unsupported',
  blobDelete: 'unsupported',
} as const satisfies Partial<RegistryQuirks>;

const rows: Readonly<Record<QuirkName, Partial<RegistryQuirks>>> = {
  // distribution/distribution v2.8, registry/handlers/blobupload.go: every request to a session goes through
  // ResumeBlobUpload, status included; a Content-Range is not looked at (the conformance run against Debian's 2.8.2
  // shows it); Locations are absolute; no referrers API; a tag in a DELETE is a bad digest (the same run).
  'distribution-2': {
    location: 'absolute',
    staleState: 'refused',
    contentRange: 'ignored',
    referrers: false,
    tagDelete: 'bad-digest',
  },

  // distribution/distribution v3, registry/handlers/blobupload.go#L20-L50: status ignores `_state`; a PATCH with
  // another Content-Type is refused; deleting a session wants the `delete` scope.
  'distribution-3': {
    location: 'absolute',
    referrers: false,
    patchNeedsOctetStream: true,
    sessionDeleteScope: 'delete',
  },

  // aws/containers-roadmap#2831: PATCH answers 201, whatever its Content-Range; what comes after the first is dropped,
  // and Range stays where it was. dotnet/sdk#33019: a session's status is 404. A session that broke refuses to start
  // again from 0 (416). Repositories must exist; an immutable tag refuses the same digest too; mounting is an opt-in.
  ecr: {
    patchStatus: 201,
    laterPatches: 'dropped',
    contentRange: 'ignored',
    sessionStatus: 'not-found',
    brokenSession: 'stuck',
    mount: 'session',
    repositoriesMustExist: true,
    manifestNeedsMediaType: true,
    immutableTags: { status: 400 },
  },

  // containers/skopeo#1101, kitops-ml/kitops#777, dotnet/sdk-container-builds#287: no Content-Range. 411 for a POST
  // without a length; headers up to 21 KB, beyond the 16 KB Node reads by default; 401 without WWW-Authenticate.
  gar: { locationBallast: 20 * 1024, contentRange: 'refused', postNeedsLength: true, challenges: false },

  // Azure/acr#866 and its neighbours: a session that broke is gone (404); its Location is relative, with the state in
  // its query.
  acr: { brokenSession: 'gone', staleState: 'refused' },

  // oras-project/rust-oci-client#35: a chunk above 4 MiB gets 416. No referrers API: clients fall back to a tag.
  // containers/skopeo#1880: every DELETE is 405; no catalog.
  ghcr: { chunkMaxBytes: 4 * MiB, referrers: false, ...deletesNothing, catalog: false },

  // google/go-containerregistry#1679, #1741: a mount whose `from` has more than two parts is 400, with a body of its
  // own kind. docker/hub-feedback#2360: every DELETE is 405; no catalog.
  hub: { fromMaxParts: 2, ...deletesNothing, catalog: false },

  // quay/quay endpoints/v2/blob.py#L303-L520: odd Ranges, and a status without Location.
  quay: {
    startRange: 'bytes=0--1',
    statusRangePrefix: 'bytes=',
    statusHasLocation: false,
    staleState: 'accepted',
  },

  // Built on distribution 2.8. goharbor/harbor#22078: 400 for a mount from a repository without the blob; 307 for HEAD
  // of a blob; projects must exist; 412 for an immutable tag.
  harbor: {
    location: 'absolute',
    staleState: 'refused',
    mountMissStatus: 400,
    blobHeadRedirects: true,
    repositoriesMustExist: true,
    immutableTags: { status: 412 },
  },

  // docker/buildx#196, containerd/containerd#3533: a PUT with a body is 404; HEAD of an absent manifest is 403; mounts
  // are refused.
  artifactory: { putWithBody: 'not-found', manifestHeadMissStatus: 403, mount: 'session' },

  // GitLab's container registry, a fork of distribution: 401 where 404 is meant, on HEAD of a manifest; no referrers
  // API, and the fallback tag of a digest resolves to the very manifest.
  gitlab: { location: 'absolute', manifestHeadMissStatus: 401, referrers: false, digestTags: true },

  // sonatype/nexus-public#967: the session that follows a refused mount breaks at its commit; #1040: a manifest needs a
  // length.
  nexus: { mount: 'broken-session', manifestNeedsLength: true },

  // project-zot/zot pkg/api/routes.go#L2080-L2252: relative Locations, its own session header, anonymous mounts, `from`
  // alone is 405, a broken PATCH deletes the session, schema 2 is refused.
  zot: {
    staleState: 'accepted',
    sessionHeader: 'Blob-Upload-UUID',
    anonymousMount: true,
    fromAloneStatus: 405,
    brokenSession: 'gone',
    ociOnly: true,
  },

  // Cloudflare's proxy: bodies above 100 MB get 413.
  cloudflare: { bodyMaxBytes: 100_000_000 },
};

/** The names of all registries with known peculiarities. */
export const quirkNames: readonly QuirkName[] = Object.freeze(Object.keys(rows) as QuirkName[]);

/** All switches of a registry of the field, or of one's own making. */
export function resolveQuirks(quirks: QuirkName | Partial<RegistryQuirks> = {}): RegistryQuirks {
  return Object.freeze({ ...noQuirks, ...(typeof quirks === 'string' ? rows[quirks] : quirks) });
}
