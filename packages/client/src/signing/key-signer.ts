import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import type { Signer } from '@slipway/push';

/** Signs with a key that is at hand: ECDSA over SHA-256, in DER, as cosign does. */
export function createKeySigner(privateKey: KeyObject): Signer {
  const publicKey = createPublicKey(privateKey);
  return {
    async sign(payload) {
      return { bytes: sign('sha256', payload, privateKey) };
    },
    async verify(payload, { bytes }) {
      return verify('sha256', payload, publicKey, bytes);
    },
  };
}
