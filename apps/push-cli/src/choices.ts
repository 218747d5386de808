/** The values of options that offer a choice; the first is the default. Help, checks and completion read these. */
export const choices: Readonly<{
  format: readonly ['keep', 'docker', 'oci', 'schema1', 'schema1-2015', 'v1'];
  protocol: readonly ['v2', 'auto', 'v1'];
  compression: readonly ['keep', 'gzip', 'zstd', 'zstd:chunked', 'estargz', 'none'];
  compressor: readonly ['deflate', 'zlib', 'fflate'];
  verify: readonly ['digest', 'diffid'];
  learn: readonly ['prove', 'verify', 'trust', 'off'];
  progress: readonly ['auto', 'tty', 'plain', 'json', 'none'];
  shell: readonly ['bash', 'zsh', 'fish'];
}> = Object.freeze({
  format: ['keep', 'docker', 'oci', 'schema1', 'schema1-2015', 'v1'],
  protocol: ['v2', 'auto', 'v1'],
  compression: ['keep', 'gzip', 'zstd', 'zstd:chunked', 'estargz', 'none'],
  compressor: ['deflate', 'zlib', 'fflate'],
  verify: ['digest', 'diffid'],
  learn: ['prove', 'verify', 'trust', 'off'],
  progress: ['auto', 'tty', 'plain', 'json', 'none'],
  shell: ['bash', 'zsh', 'fish'],
});

export type Format = (typeof choices.format)[number];
export type ProtocolChoice = (typeof choices.protocol)[number];
export type CompressorChoice = (typeof choices.compressor)[number];
export type VerifyChoice = (typeof choices.verify)[number];
export type LearnChoice = (typeof choices.learn)[number];
export type ProgressChoice = (typeof choices.progress)[number];
export type Shell = (typeof choices.shell)[number];
