import { parseReference } from '@slipway/reference';

/** How a reference is written, after a look at what was written in its place. */
export function referenceHint(text: string): string {
  const [scheme] =
    /^(?:[a-z-]+:\/\/|(?:store|docker-daemon|docker-archive|oci|oci-archive|dir):(?=.))/i.exec(text) ?? [];
  if (scheme !== undefined) return `write it without ${scheme}, as registry/repository:tag`;
  const lowercase = text.toLowerCase();
  if (lowercase !== text && isReference(lowercase)) return `repositories are lowercase: ${lowercase}`;
  if (/@[^/@]*:[^/@]*$/.test(text)) {
    return 'what is behind "@" is no digest: one is sha256: and 64 hexadecimal digits, or sha512: and 128';
  }
  return 'a reference is [registry/]repository[:tag], such as ghcr.io/me/app:1.0';
}

function isReference(text: string): boolean {
  try {
    parseReference(text);
    return true;
  } catch {
    return false;
  }
}
