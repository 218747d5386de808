/**
 * The scopes that a token says it has, where it is a JSON Web Token as registries make them. The signature is the
 * registry's to check: this is for people to read.
 *
 * @see https://distribution.github.io/distribution/spec/auth/jwt/
 */
export function readGrants(token: string): readonly string[] | undefined {
  const [, payload, signature] = token.split('.');
  if (payload === undefined || signature === undefined) return undefined;
  try {
    const { access } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    if (!Array.isArray(access)) return undefined;
    return access.flatMap(({ type, name, actions }) =>
      typeof type === 'string' && typeof name === 'string' && Array.isArray(actions)
        ? [`${type}:${name}:${actions.join(',')}`]
        : [],
    );
  } catch {
    return undefined;
  }
}
