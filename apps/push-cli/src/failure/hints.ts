const hints: Readonly<Record<string, string>> = Object.freeze({
  ERR_CLIENT_NO_ITEM: 'look at it with `slipway inspect`',
  ERR_IMAGE_STORE_NOT_FOUND: 'look at what is there with `slipway images`, or load it first with `slipway load`',
  ERR_REGISTRY_UNAUTHORIZED: 'log in with `slipway login REGISTRY`, or pass --username and --password-stdin',
  ERR_REGISTRY_DENIED: 'check that the account may push to this repository, and that the repository exists',
  ERR_REGISTRY_UNREACHABLE:
    'check the registry’s name and port and the network; a registry without TLS needs --plain-http',
  ERR_REGISTRY_NOT_FOUND: 'check the repository’s name; some registries want it created before the first push',
  ERR_REGISTRY_UNEXPECTED: 'look at what the registry says; --verbose shows each request',
  ERR_REGISTRY_PROTOCOL:
    'no registry should answer so: check that no proxy answers in its place, then show its owner what --verbose prints',
  ERR_REGISTRY_REDIRECT_REFUSED:
    'the registry sends requests where they cannot go: its owner corrects its external address, or its proxy',
  ERR_REGISTRY_UNSUPPORTED:
    'the registry’s deletes are switched off: its owner turns them on (distribution: ' +
    'REGISTRY_STORAGE_DELETE_ENABLED=true); GHCR and Docker Hub delete on their web sites only',
  ERR_REGISTRY_NOT_DELETED: 'run the command again; a rule of the registry may keep it',
  ERR_REGISTRY_RATE_LIMITED: 'wait and run the command again; what was sent is not sent again',
  ERR_REGISTRY_UNAVAILABLE: 'run the command again later; what was sent is not sent again',
  ERR_RETRIES_EXHAUSTED: 'run the command again; what was sent is not sent again',
  ERR_PROXY_REFUSED:
    'check the user and password in the proxy’s address, or name the registry in NO_PROXY to reach it directly',
  ERR_PROXY_TLS: 'write http:// in the proxy’s address, unless it speaks TLS with a certificate that is trusted here',
  ERR_PROXY_INVALID:
    'correct the variable that the message names; in a password #, ? and @ are written %23, %3F and %40',
  ERR_SOURCE_NOT_FOUND: 'check the path or the reference of SOURCE',
  ERR_SOURCE_INVALID: 'it is no image, or was cut short: save or download it again',
  ERR_SOURCE_SPOOL: 'free some space, or point TMPDIR at a disk with room',
  ERR_SOURCE_CHANGED: 'something else writes to the source; wait for it to finish and run the command again',
  ERR_DIGEST_MISMATCH: 'the source’s bytes are damaged; save or download the image again',
  ERR_SIZE_MISMATCH: 'the source’s bytes are damaged; save or download the image again',
  ERR_COMPRESSION_CORRUPT: 'the source’s bytes are damaged; save or download the image again',
  ERR_STORE_LOCKED: 'another program uses the data folder; pass --no-cache or another --data-dir',
  EROFS: 'the file system is read-only: name another folder with --data-dir',
  ENOSPC: 'free some space, or point TMPDIR and --data-dir at a disk with room',
  EDQUOT: 'free some space, or point TMPDIR and --data-dir at a disk with room',
  EACCES: 'check the permissions',
  ENOENT: 'check the path',
  ECONNREFUSED: 'nothing listens there: check the name and the port, and that it runs',
  ENOTFOUND: 'the name is not known to the DNS: check its spelling',
  EAI_AGAIN: 'the DNS does not answer: check the network',
});

/** The same where the registry is the source. */
const sourceHints: Readonly<Record<string, string>> = Object.freeze({
  ERR_REGISTRY_UNAUTHORIZED: 'log in to the source’s registry with `slipway login REGISTRY`',
  ERR_REGISTRY_DENIED: 'check that the account may pull from the source’s repository',
  ERR_REGISTRY_UNREACHABLE:
    'check the name and port of the source’s registry and the network; a registry without TLS needs --plain-http',
  ERR_REGISTRY_NOT_FOUND: 'the source’s registry lacks what its manifest names: copy the image there again',
  ERR_REGISTRY_RATE_LIMITED: 'the source’s registry wants less: wait and run the command again',
  ERR_REGISTRY_UNAVAILABLE: 'the source’s registry fails: run the command again later',
  ERR_REGISTRY_UNEXPECTED: 'look at what the source’s registry says',
  ERR_REGISTRY_PROTOCOL: 'look at what the source’s registry says',
  ERR_RETRIES_EXHAUSTED: 'the source’s registry fails: run the command again later',
});

/** The same where a daemon failed, and it is the daemon's network, disk and settings that count. */
const daemonHints: Readonly<Record<string, string>> = Object.freeze({
  ERR_REGISTRY_UNREACHABLE:
    'check the registry’s name and port, and that the daemon reaches it; plain http and certificates are settings of ' +
    'the daemon',
  ERR_PROXY_REFUSED: 'check the proxy that the daemon is told to use',
  ERR_PROXY_TLS: 'check the proxy that the daemon is told to use',
  ERR_PROXY_INVALID: 'check the proxy that the daemon is told to use',
  ERR_SOURCE_SPOOL: 'free some space on the daemon’s disk',
  ENOSPC: 'free some space on the daemon’s disk',
  EDQUOT: 'free some space on the daemon’s disk',
  ...Object.fromEntries(
    ['ERR_STORE_LOCKED', 'EROFS', 'EACCES', 'ENOENT'].map((code) => [code, 'see the daemon’s log']),
  ),
});

/** What to do about a failure that a daemon told without a hint. */
export function daemonHintFor(code: string, origin: string | undefined): string | undefined {
  if (Object.hasOwn(daemonHints, code)) return daemonHints[code];
  return (origin === 'source' ? sourceHintFor(code) : undefined) ?? hintFor(code);
}

/** What to do about a failure of the registry that an image comes from. */
export function sourceHintFor(code: string | undefined): string | undefined {
  return code !== undefined && Object.hasOwn(sourceHints, code) ? sourceHints[code] : undefined;
}

/** What to do about a failure of which only the code is known. */
export function hintFor(code: string | undefined): string | undefined {
  return code !== undefined && Object.hasOwn(hints, code) ? hints[code] : undefined;
}
