import type {
  AuthOptions,
  BearerAuthOptions,
  Misbehaviour,
  QuirkName,
  RegistryQuirks,
  WireQuirks,
} from '@slipway/testkit';

export const user = 'alice';
export const password = 'S3cr3t-PaSS-word';
const users = { [user]: password };
export const auths: { readonly basic: AuthOptions; readonly bearer: BearerAuthOptions } = {
  basic: { kind: 'basic', users },
  bearer: { kind: 'bearer', users },
};

/** One odd registry, and what a push to it comes to. */
export interface OddRegistry {
  readonly name: string;
  /** @default none is wanted */
  readonly auth?: AuthOptions | undefined;
  /** The user name and password that are kept for it. @default the right ones, where some are wanted */
  readonly kept?: readonly [user: string, password: string] | false | undefined;
  readonly quirks?: QuirkName | Partial<RegistryQuirks> | undefined;
  readonly rules?: readonly Misbehaviour[] | ((host: string) => readonly Misbehaviour[]) | undefined;
  /** Content of the repository before the push. */
  readonly isSeeded?: boolean | undefined;
  /** The code of the failure; undefined where the image is pushed. */
  readonly fails?: string | undefined;
  /** What the failure, with its hint, says; where there is none, what is said of this registry. */
  readonly says?: readonly (string | RegExp)[] | undefined;
  readonly neverSays?: readonly (string | RegExp)[] | undefined;
  /** The registry has the tag although the push failed. */
  readonly isTagged?: boolean | undefined;
}

export const startOf: Misbehaviour['match'] = { kind: ['mount', 'upload-start'] };
export const manifestPut: Misbehaviour['match'] = { kind: 'manifest-put' };

/** The page of a web server or a proxy. */
export function page(title: string): string {
  return `<html>\r\n<head><title>${title}</title></head>\r\n<body><center><h1>${title}</h1></center></body>\r\n</html>\r\n`;
}

/** A body of errors as the specification has it. */
export function errorBody(code: string, message: string, detail?: unknown): object {
  return { errors: [{ code, message, ...(detail !== undefined && { detail }) }] };
}

/** A registry behind something that writes HTTP its own way. */
export function wired(wire: Partial<WireQuirks>): { readonly quirks: Partial<RegistryQuirks> } {
  return { quirks: { wire } };
}

/** So many requests of a kind are answered with this, the others as they should be. */
export function answering(
  kind: NonNullable<Misbehaviour['match']>['kind'],
  status: number,
  { body, times, headers, omitHeaders }: Pick<Misbehaviour, 'body' | 'times' | 'headers' | 'omitHeaders'> = {},
): readonly Misbehaviour[] {
  return [{ match: { kind }, status, body, times, headers, omitHeaders }];
}
