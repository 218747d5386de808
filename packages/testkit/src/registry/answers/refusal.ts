/**
 * A code of a registry's error body.
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes
 */
export type RefusalCode =
  | 'BLOB_UNKNOWN'
  | 'BLOB_UPLOAD_INVALID'
  | 'BLOB_UPLOAD_UNKNOWN'
  | 'DENIED'
  | 'DIGEST_INVALID'
  | 'MANIFEST_BLOB_UNKNOWN'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'PAGINATION_NUMBER_INVALID'
  | 'RANGE_INVALID'
  | 'SIZE_INVALID'
  | 'TAG_INVALID'
  | 'TOOMANYREQUESTS'
  | 'UNAUTHORIZED'
  | 'UNAVAILABLE'
  | 'UNKNOWN'
  | 'UNSUPPORTED';

/** The codes an OCI registry answers with, and what each means over HTTP. */
const codes: Readonly<Record<RefusalCode, readonly [status: number, message: string]>> = {
  BLOB_UNKNOWN: [404, 'blob unknown to registry'],
  BLOB_UPLOAD_INVALID: [404, 'blob upload invalid'],
  BLOB_UPLOAD_UNKNOWN: [404, 'blob upload unknown to registry'],
  DENIED: [403, 'requested access to the resource is denied'],
  DIGEST_INVALID: [400, 'provided digest did not match uploaded content'],
  MANIFEST_BLOB_UNKNOWN: [400, 'blob unknown to registry'],
  MANIFEST_INVALID: [400, 'manifest invalid'],
  MANIFEST_UNKNOWN: [404, 'manifest unknown'],
  NAME_INVALID: [400, 'invalid repository name'],
  NAME_UNKNOWN: [404, 'repository name not known to registry'],
  PAGINATION_NUMBER_INVALID: [400, 'invalid number of results requested'],
  RANGE_INVALID: [416, 'invalid content range'],
  SIZE_INVALID: [400, 'provided length did not match content length'],
  TAG_INVALID: [400, 'manifest tag did not match URI'],
  TOOMANYREQUESTS: [429, 'too many requests'],
  UNAUTHORIZED: [401, 'authentication required'],
  UNAVAILABLE: [503, 'service unavailable'],
  UNKNOWN: [500, 'unknown error'],
  UNSUPPORTED: [405, 'The operation is unsupported.'],
};

export interface RefusalOptions {
  /** Status instead of the code's usual one. */
  readonly status?: number | undefined;
  readonly message?: string | undefined;
  readonly detail?: unknown;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** JSON in place of the spec's error body. */
  readonly body?: object | undefined;
}

/** An answer that is no: thrown by a handler, turned into a status and an error body by the server. */
export class Refusal extends Error {
  readonly code: RefusalCode;
  readonly status: number;
  readonly detail: unknown;
  readonly headers: Readonly<Record<string, string>>;
  readonly #body: object | undefined;

  constructor(code: RefusalCode, options: RefusalOptions = {}) {
    super(options.message ?? codes[code][1]);
    this.code = code;
    this.status = options.status ?? codes[code][0];
    this.detail = options.detail;
    this.headers = options.headers ?? {};
    this.#body = options.body;
  }

  /** The body of the answer. */
  get body(): Uint8Array {
    if (this.#body !== undefined) return new TextEncoder().encode(JSON.stringify(this.#body));
    return errorBody(this.code, this.message, this.detail);
  }
}

/** The body of an error answer, in the form of the distribution spec. */
export function errorBody(code: string, message: string, detail?: unknown): Uint8Array {
  const entry = detail === undefined ? { code, message } : { code, message, detail };
  return new TextEncoder().encode(`${JSON.stringify({ errors: [entry] })}\n`);
}

/** The code a registry would use for a status that says nothing more. */
export function codeOfStatus(status: number): RefusalCode {
  if (status === 401) return 'UNAUTHORIZED';
  if (status === 403) return 'DENIED';
  if (status === 404) return 'NAME_UNKNOWN';
  if (status === 405) return 'UNSUPPORTED';
  if (status === 416) return 'RANGE_INVALID';
  if (status === 429) return 'TOOMANYREQUESTS';
  if (status === 503) return 'UNAVAILABLE';
  return 'UNKNOWN';
}

/** The usual message of a code. */
export function messageOf(code: RefusalCode): string {
  return codes[code][1];
}
