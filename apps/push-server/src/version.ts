import manifest from '../package.json' with { type: 'json' };

/** The version this program was released as. */
export const version: string = manifest.version;
