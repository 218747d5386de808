import { fileURLToPath } from 'node:url';

/** Files of undici that the bundle has others for. */
const replaced = {
  '../llhttp/llhttp_simd-wasm.js': 'http-parser.cjs',
  './client-h2.js': 'left-out.cjs',
  './socks5-proxy-agent': 'left-out.cjs', // connections through such a proxy are made by the registry client itself
};

/**
 * Places where undici looks at Node's whole HTTP when it is loaded: for a limit that every client of ours is given, and
 * to know a body that none of ours is; or at what it uses once in a while.
 */
const changed = {
  'dispatcher/client.js': [
    ["const http = require('node:http')\n", ''],
    [
      'http &&\n  http.maxHeaderSize &&\n  Number.isInteger(http.maxHeaderSize) &&\n  http.maxHeaderSize > 0\n  ?',
      'true ?',
    ],
    ['() => http.maxHeaderSize', "() => require('node:http').maxHeaderSize"],
  ],
  'core/util.js': [
    ["const { IncomingMessage } = require('node:http')\n", ''],
    ["const { stringify } = require('node:querystring')\n", ''],
    [' stringify(', " require('node:querystring').stringify("],
    ['.constructor === IncomingMessage', ".constructor.name === 'IncomingMessage'"],
  ],
  // Of the parser's constants only the first two tables are used.
  'llhttp/constants.js': [[/^exports\.FLAGS = \{[\s\S]*/m, '']],
};

/** Leaves out what a push does not need of undici, or has it loaded by whoever uses it first. */
export function partsOfUndici() {
  return {
    name: 'parts-of-undici',
    resolveId: {
      filter: { id: /^\.\.\/llhttp\/llhttp_simd-wasm\.js$|^\.\/client-h2\.js$|^\.\/socks5-proxy-agent$/ },
      handler: (id) => fileURLToPath(new URL(replaced[id], import.meta.url)),
    },
    transform: {
      filter: { id: /[\\/]undici[\\/]lib[\\/](core[\\/]util|dispatcher[\\/]client|llhttp[\\/]constants)\.js$/ },
      handler(code, id) {
        const file = Object.keys(changed).find((name) => id.replaceAll('\\', '/').endsWith(name));
        let lazy = code;
        for (const [early, late] of changed[file]) {
          const other = lazy.replace(early, late);
          if (other === lazy) throw new Error(`Expected ${file} of undici to have ${early}`);
          lazy = other;
        }
        return lazy;
      },
    },
  };
}
