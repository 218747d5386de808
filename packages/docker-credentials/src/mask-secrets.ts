const mask = '***';

/**
 * Masks what looks like a secret in what a program printed, and leaves its sentences: values of fields and variables
 * that name a secret, headers, users of URLs, keys and tokens of the known forms, and long runs that no language has.
 *
 * @param known secrets that are masked in any letter case and in base64, whatever they look like
 */
export function maskSecrets(text: string, known: readonly string[] = []): string {
  let masked = known.reduce(withoutSecret, text);
  for (const [pattern, replacement] of patterns) masked = masked.replace(pattern, replacement);
  masked = masked.replace(/(?<!sha256:)[A-Za-z0-9+/_=~.-]{12,}/g, (run) => (hasSecret(run) ? mask : run));
  return /^\S{6,}$/.test(masked) && /\d/.test(masked) && /[A-Za-z]/.test(masked) ? mask : masked;
}

const patterns: readonly (readonly [RegExp, string])[] = [
  // "Secret":"…", 'password': '…', also cut short
  [/(["']\w*(?:secret|passw|token|key|auth|credential)\w*["']\s*:\s*["'])(?:\\.|[^"'\\])*/gi, `$1${mask}`],
  [/\b((?:proxy-)?authorization\s*[:=]\s*(?:(?:basic|bearer)\s+)?)\S+/gi, `$1${mask}`],
  [/\b((?:basic|bearer)\s+)(?=\S*\d)[\w+/=~.-]{6,}/gi, `$1${mask}`],
  [/([a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi, `$1${mask}@`],
  // AWS_SECRET_ACCESS_KEY=…, --token=…
  [/(\b\w*(?:secret|passw|pwd|token|key|credential)\w*\s*=\s*["']?)[^\s"']+/gi, `$1${mask}`],
  // "password: hunter2", but not "authorization token: operation error", which is how sentences go on
  [/(\b\w*(?:secret|passw(?:or)?d|passphrase|pwd)\s*:\s*["']?)[^\s"']+/gi, `$1${mask}`],
  [/\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?/g, mask],
  [/\b(?:gh[opsur]_|github_pat_|glpat-|dckr_[po]at_|xox[a-z]-|ya29\.|A[KS]IA(?=[A-Z0-9]{12}))[\w.-]+/g, mask],
];

function hasSecret(run: string): boolean {
  return run.split(/[/.]/).some((part) => {
    if (/^[0-9a-f]{32,}$/i.test(part)) return true;
    const kinds = [/[a-z]/, /[A-Z]/, /\d/].filter((kind) => kind.test(part)).length;
    return kinds === 3 && (part.length >= 16 || (part.length >= 12 && /\d\D*\d\D*\d/.test(part)));
  });
}

function withoutSecret(text: string, secret: string): string {
  if (secret.length < 4) return text;
  const encoded = Buffer.from(secret, 'utf8').toString('base64').replace(/=+$/, '');
  return [secret, encoded].reduce((rest, form) => rest.replace(new RegExp(escapeRegExp(form), 'gi'), mask), text);
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
