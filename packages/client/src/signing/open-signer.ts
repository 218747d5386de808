import type { AbortOptions } from '@slipway/digest';
import type { PushSigning, Signer } from '@slipway/push';
import { FileRefusedError, readTextWithin } from '@slipway/read-file';
import { formatReference, parseReference } from '@slipway/reference';
import { ClientError, optionError } from '../errors.ts';

/** What signs a push. */
export interface SigningSettings {
  /**
   * A file with the private key that signs what is pushed, such as `cosign.key`; or `env://NAME`, a variable that has
   * it. Its password is that of `COSIGN_PASSWORD`, else of the client’s `signKeyPassword`.
   *
   * @default nothing is signed
   */
  readonly signKey?: string | undefined;
  /**
   * Signs in place of a key file: a key in hardware or a service, or an identity without a key.
   * @default that of `signKey`
   */
  readonly signer?: Signer | undefined;
  /** What the image is signed as: a reference with a tag or a digest. @default each destination’s own reference */
  readonly signIdentity?: string | undefined;
}

export interface OpenSignerOptions extends AbortOptions {
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Asked when `COSIGN_PASSWORD` is not set. @default nobody knows */
  readonly signKeyPassword?: (() => Promise<string>) | undefined;
}

/** A key file is a few hundred bytes. */
const maxKeyBytes = 64 * 1024;

/**
 * Opens what signs a push; undefined where nothing is signed.
 *
 * @throws {ClientError} `ERR_CLIENT_SIGN_KEY` when the key cannot be read
 */
export async function openSigning(
  { signKey, signer, signIdentity }: SigningSettings,
  options: OpenSignerOptions,
): Promise<PushSigning | undefined> {
  const identity = signIdentity === undefined ? undefined : parseIdentity(signIdentity);
  if (signer !== undefined) return { signer, identity };
  return signKey === undefined ? undefined : { signer: await openKeySigner(signKey, options), identity };
}

/** @throws {ClientError} `ERR_CLIENT_OPTION` for what names no image, or one without a tag and a digest */
export function parseIdentity(text: string): string {
  const hint = 'such as `signIdentity: registry.example.com/team/app:1.0`';
  try {
    const reference = parseReference(text);
    if (reference.tag !== undefined || reference.digest !== undefined) return formatReference(reference);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw optionError(`\`signIdentity\` is no reference: ${why}`, hint);
  }
  throw optionError(`\`signIdentity\` needs a tag or a digest, and ${JSON.stringify(text)} has none`, hint);
}

async function openKeySigner(
  signKey: string,
  { variables, signKeyPassword, signal }: OpenSignerOptions,
): Promise<Signer> {
  const pem = await readKeyText(signKey, { variables, signal });
  const { readPrivateKey } = await import('./private-key.ts');
  const { createKeySigner } = await import('./key-signer.ts');
  const password = async (): Promise<string | undefined> => variables['COSIGN_PASSWORD'] ?? (await signKeyPassword?.());
  return createKeySigner(await readPrivateKey(pem, { name: signKey, password }));
}

async function readKeyText(
  signKey: string,
  { variables, signal }: Pick<OpenSignerOptions, 'variables' | 'signal'>,
): Promise<string> {
  if (signKey.includes('-----BEGIN')) {
    const hint = 'put it into a file, or into a variable: env://NAME';
    throw new ClientError('ERR_CLIENT_SIGN_KEY', 'a key was given where the name of its file is wanted', { hint });
  }
  const [, scheme, rest = ''] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/.exec(signKey) ?? [];
  if (scheme === 'env') {
    const text = variables[rest];
    if (text !== undefined && text !== '') return text;
    throw new ClientError('ERR_CLIENT_SIGN_KEY', `the variable ${rest} holds no key`, {
      hint: 'set it, or name a file',
    });
  }
  if (scheme !== undefined) {
    const hint = 'name a file, or hand a `signer` of your own to the client';
    throw new ClientError('ERR_CLIENT_SIGN_KEY', `keys of ${scheme}:// are not known`, { hint });
  }
  try {
    return await readTextWithin(signKey, { maxBytes: maxKeyBytes, mayBePipe: true, signal });
  } catch (cause) {
    signal?.throwIfAborted();
    const isTooLong = cause instanceof FileRefusedError && cause.code === 'ERR_FILE_TOO_LARGE';
    const why = cause instanceof Error ? cause.message : String(cause);
    const message = isTooLong ? `${signKey} is too long for a key` : `the key cannot be read: ${why}`;
    throw new ClientError('ERR_CLIENT_SIGN_KEY', message, { hint: 'check the path', cause });
  }
}
