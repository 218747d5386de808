import type { Digest } from '@slipway/digest';

/** The blob that stands for a step without a layer, to the byte as Docker has it: a gzip of 1024 zero bytes. */
export const emptyLayer: {
  readonly bytes: Uint8Array;
  readonly digest: Digest;
  /** Digest of the 1024 zero bytes. */
  readonly diffID: Digest;
} = Object.freeze({
  bytes: Uint8Array.from(atob('H4sIAAAJbogA/2IYBaNgFIxYAAgAAP//Lq+17wAEAAA='), (character) => character.charCodeAt(0)),
  digest: 'sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4' as Digest,
  diffID: 'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef' as Digest,
});
