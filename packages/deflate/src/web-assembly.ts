/** A compiled module: it can be sent to a worker, and there is nothing else to do with it but to instantiate it. */
export type WebAssemblyModule = object;

/** The little that is needed of WebAssembly's API: the standard library's types leave it to the DOM's. */
export interface WebAssemblyApi {
  validate(bytes: Uint8Array): boolean;
  readonly Module: new (bytes: Uint8Array) => WebAssemblyModule;
  readonly Instance: new (module: WebAssemblyModule, imports: object) => { readonly exports: unknown };
}

/** Undefined where there is no WebAssembly. */
export const webAssembly: WebAssemblyApi | undefined = (globalThis as { readonly WebAssembly?: WebAssemblyApi })
  .WebAssembly;
