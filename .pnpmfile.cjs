// What is packed for npm is the built package: the condition by which the workspace finds its sources stays here.
module.exports = {
  hooks: {
    beforePacking(manifest) {
      const { exports: entries = {} } = manifest;
      for (const entry of Object.values(entries)) {
        if (typeof entry === 'object') delete entry['@slipway/source'];
      }
      delete manifest.devDependencies;
      delete manifest.scripts;
      return manifest;
    },
  },
};
