/** `user:password@` before a host; what stands behind the `@` of a digest is none. */
const userInfo =
  /(?<=^|[\s"'`(=/])[^\s"'`/@:]+:[^\s"'`/@]*@(?!(?:sha|md|blake)\d|[a-z0-9+._-]+:[0-9a-f]{32})(?=[a-z0-9[])/gi;

/** A text without passwords that somebody has typed into names: of `ann:secret@r.example/app`, `***@r.example/app`. */
export function withoutPasswords(text: string): string {
  return text.replace(userInfo, '***@');
}
