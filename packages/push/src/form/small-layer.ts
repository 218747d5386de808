/**
 * Up to this many bytes of source, a layer is compressed before its upload begins, and waits in memory meanwhile: with
 * its digest known, POST and PUT do.
 */
export const smallLayer: number = 16 * 1024 * 1024;
