// What `changeset version` writes into the changelogs: the text of a changeset as it was written, without the hash of a
// commit, and no lines about dependencies: all packages have one version, which says it better.
module.exports = {
  getReleaseLine: async ({ summary }) => {
    const [first = '', ...rest] = summary.trim().split('\n');
    return [`- ${first}`, ...rest.map((line) => (line === '' ? '' : `  ${line}`))].join('\n');
  },
  getDependencyReleaseLine: async () => '',
};
