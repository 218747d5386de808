const untrusted = 'pass --cert-dir with the registry’s CA, or --insecure to trust it as it is';

const hints: Readonly<Record<string, string>> = Object.freeze({
  ERR_REGISTRY_UNAUTHORIZED: 'log in with `slipway login REGISTRY`, or pass --username and --password-stdin',
  ERR_REGISTRY_DENIED: 'check that the account may push to this repository, and that the repository exists',
  ERR_REGISTRY_UNREACHABLE:
    'check the registry’s name and port and the network; a registry without TLS needs --plain-http',
  ERR_REGISTRY_NOT_FOUND: 'check the repository’s name; some registries want it created before the first push',
  ERR_REGISTRY_RATE_LIMITED: 'wait and run the command again; what was sent is not sent again',
  ERR_REGISTRY_UNAVAILABLE: 'run the command again later; what was sent is not sent again',
  ERR_RETRIES_EXHAUSTED: 'run the command again; what was sent is not sent again',
  ERR_SOURCE_NOT_FOUND: 'check the path or the reference of SOURCE',
  ERR_SOURCE_INVALID: 'it is no image, or was cut short: save or download it again',
  ERR_SOURCE_SPOOL: 'free some space, or point TMPDIR at a disk with room',
  ERR_SOURCE_CHANGED: 'something else writes to the source; wait for it to finish and run the command again',
  ERR_DIGEST_MISMATCH: 'the source’s bytes are damaged; save or download the image again',
  ERR_SIZE_MISMATCH: 'the source’s bytes are damaged; save or download the image again',
  ERR_COMPRESSION_CORRUPT: 'the source’s bytes are damaged; save or download the image again',
  ERR_CREDENTIALS_FILE: 'correct the file, or name another with --authfile',
  ERR_CREDENTIAL_HELPER: 'run the helper by hand, or take it out of the file that names it',
  ERR_STORE_LOCKED: 'another program uses the data folder; pass --no-cache or another --data-dir',
  ENOSPC: 'free some space, or point TMPDIR and --data-dir at a disk with room',
  EDQUOT: 'free some space, or point TMPDIR and --data-dir at a disk with room',
  EACCES: 'check the permissions',
  ENOENT: 'check the path',
  ECONNREFUSED: 'nothing listens there: check the name and the port, and that it runs',
  ENOTFOUND: 'the name is not known to the DNS: check its spelling',
  EAI_AGAIN: 'the DNS does not answer: check the network',
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  CERT_HAS_EXPIRED: 'the registry’s certificate has expired: its owner must renew it',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is for another name: use that name, or --insecure',
  EPROTO: 'the registry does not speak TLS on this port; --plain-http talks to it without',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the registry does not speak TLS on this port; --plain-http talks to it without',
});

/** What to do about a failure of this code, if that is known. */
export function hintFor(code: string | undefined, message = ''): string | undefined {
  if (code !== undefined && Object.hasOwn(hints, code)) return hints[code];
  return /self-signed certificate|unable to verify the first certificate/.test(message) ? untrusted : undefined;
}
