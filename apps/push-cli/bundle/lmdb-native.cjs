// Finds the native part of LMDB where it nearly always is. The package's own search starts a dozen modules, child_process among
// them, to find out about the machine: longer than the whole program needs to load. It stays for all other machines.
'use strict';
const { existsSync } = require('node:fs');
const { createRequire } = require('node:module');
const { dirname } = require('node:path');

const musl = { arm: 'armhf', arm64: 'aarch64', x64: 'x86_64' };

module.exports = () => {
  const entry = createRequire(__filename).resolve('lmdb');
  const requireOf = createRequire(entry);
  const { arch, platform, versions } = process;
  if (!existsSync(`/lib/ld-musl-${musl[arch]}.so.1`)) {
    for (const interfaceVersion of [`abi${versions.modules}`, 'napi']) {
      try {
        return requireOf(`@lmdb/lmdb-${platform}-${arch}/node.${interfaceVersion}.glibc.node`);
      } catch {} // the search below says what is wrong
    }
  }
  return requireOf('node-gyp-build-optional-packages')(dirname(dirname(entry)));
};
