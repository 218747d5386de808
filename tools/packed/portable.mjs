// The entries that run without Node: no module that they load is one of Node's, and Chromium gives the results of Node.
export const portableEntries = [
  '@slipway/digest-value',
  '@slipway/deflate',
  '@slipway/digest/portable',
  '@slipway/reference',
  '@slipway/manifest',
  '@slipway/transfer',
];

/** For the table: `yes`, the entry that does, or `no`. */
export function isPortable(name) {
  const entry = portableEntries.find((each) => each === name || each.startsWith(`${name}/`));
  if (entry === undefined) return 'no';
  return entry === name ? 'yes' : `\`${entry.slice(name.length + 1)}\``;
}
