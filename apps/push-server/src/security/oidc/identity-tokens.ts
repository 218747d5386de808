import { RequestError } from '../../errors.ts';
import type { Principal } from '../principal.ts';
import { type Rule, scopesByRules } from '../rules/rule.ts';
import { claimValues } from './claims.ts';
import { IssuerAwayError, type IssuerKeys } from './issuer-keys.ts';

/** Tokens that an OpenID Connect issuer has signed, such as those of CI systems and of Kubernetes. */
export interface IdentityTokens {
  /**
   * Who shows the token, with the scopes that the rules give them: none, where no rule fits.
   *
   * @throws {RequestError} 401 which says what is wrong with the token, 503 while the issuer cannot be asked
   */
  verify(text: string): Promise<Principal>;
}

export interface IdentityTokensOptions {
  readonly issuer: string;
  readonly audiences: readonly string[];
  /** Claim that has the principal's name. */
  readonly principalClaim: string;
  readonly rules: readonly Rule[];
  readonly keys: IssuerKeys;
  /** Milliseconds since 1970. @default Date.now */
  readonly now?: (() => number) | undefined;
}

/** What is signed with a key that only the issuer has. `none` and shared secrets are not among them. */
const algorithms = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];
const maxTokenChars = 16 * 1024;
/** How far the clocks of issuer and daemon may be apart. */
const clockToleranceSeconds = 60;

/** Whether a text looks like a signed token, and not like one that `slipwayd token create` made. */
export function isIdentityToken(text: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]*$/.test(text);
}

/** Judges tokens of one issuer. */
export function createIdentityTokens(options: IdentityTokensOptions): IdentityTokens {
  const { issuer, audiences, principalClaim, rules, keys, now = Date.now } = options;
  return {
    async verify(text) {
      if (text.length > maxTokenChars) throw refused('is too large');
      const jose = await import('jose');
      const told = tellClaims(text, jose);
      if (!algorithms.includes(told.alg)) throw refused('is signed in a way that is not accepted');
      // Before anybody is asked for keys.
      if (told.issuer !== issuer) throw refused('is of another issuer');
      const { errors } = jose;
      const check = async (): ReturnType<typeof jose.jwtVerify> =>
        await keys.use(
          (set) =>
            jose.jwtVerify(text, jose.createLocalJWKSet(set), {
              ...{ issuer, audience: [...audiences], algorithms },
              ...{ clockTolerance: clockToleranceSeconds, currentDate: new Date(now()) },
              requiredClaims: ['iss', 'aud', 'exp', 'iat'],
            }),
          (error) => error instanceof errors.JWKSNoMatchingKey,
        );
      const { payload } = await check().catch((error: unknown) => {
        if (error instanceof IssuerAwayError) {
          throw new RequestError(503, `the issuer of identity tokens, ${issuer}, does not answer: try again later`, {
            cause: error,
          });
        }
        throw refused(faultOf(error, jose), error);
      });
      if ((payload.iat ?? 0) > now() / 1000 + clockToleranceSeconds) throw refused('was issued in the future');
      const [name, ...others] = claimValues(payload, principalClaim);
      if (name === undefined || others.length > 0) throw refused(`has no single value in the claim ${principalClaim}`);
      if (!/^[\x20-\x7e]{1,255}$/.test(name)) throw refused(`has a claim ${principalClaim} that is no name`);
      return { name: `oidc:${name}`, scopes: scopesByRules(rules, (claim) => claimValues(payload, claim)) };
    },
  };
}

type Jose = typeof import('jose');

/** What a token claims before it is believed. */
function tellClaims(text: string, jose: Jose): { readonly alg: string; readonly issuer: unknown } {
  try {
    const { alg = 'none' } = jose.decodeProtectedHeader(text);
    return { alg, issuer: jose.decodeJwt(text).iss };
  } catch (error) {
    throw refused('cannot be read', error);
  }
}

function faultOf(error: unknown, { errors }: Jose): string {
  if (error instanceof errors.JWTExpired) return 'has expired';
  if (error instanceof errors.JWTClaimValidationFailed) {
    const { claim, reason } = error;
    if (reason === 'missing') return `lacks the claim ${claim}`;
    if (claim === 'aud') return 'is for another audience';
    return claim === 'nbf' ? 'is not valid yet' : `has a claim ${claim} that is not accepted`;
  }
  if (error instanceof errors.JWKSNoMatchingKey) return 'is signed with a key that its issuer does not have';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'has a wrong signature';
  return 'cannot be verified';
}

function refused(fault: string, cause?: unknown): RequestError {
  return new RequestError(401, `unauthorized: the identity token ${fault}`, { cause });
}
