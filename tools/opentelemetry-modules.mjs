// A plugin for rolldown: takes the packages of OpenTelemetry as ES modules, of which it leaves out what is not used. As
// CommonJS they are bundled whole, twice the size for the API and three times for the SDK.
import { existsSync } from 'node:fs';

export function openTelemetryModules() {
  return {
    name: 'opentelemetry-modules',
    resolveId: {
      filter: { id: /^@opentelemetry\// },
      async handler(id, importer, options) {
        const found = await this.resolve(id, importer, { ...options, skipSelf: true });
        const file = found?.id.replace('/build/src/', '/build/esm/');
        return file !== undefined && existsSync(file) ? { ...found, id: file } : found;
      },
    },
  };
}
