/**
 * What a program needs before it makes a client, or in place of one: the environment, the names it was given, this
 * machine's images, the streams it writes to. Loads nothing else of the client.
 *
 * @packageDocumentation
 */
export { type ClientEnvironment, readEnvironment } from './environment.ts';
export { secretsInName } from './names/mask-user.ts';
export { printable, replaceUnprintable } from './names/printable.ts';
export { referenceHint } from './names/reference-hint.ts';
export { isGoneReader, type Outputs, watchOutputs } from './outputs/watch-outputs.ts';
export { type DestinationInput, type ParseDestinationsOptions, parseDestinations } from './push/destinations.ts';
export { assertTakesAllTags } from './sources/assert-all-tags.ts';
export { type LocalImagesOptions, openLocalImages } from './stores/local-images.ts';
export { systemReason } from './system/system-reason.ts';
