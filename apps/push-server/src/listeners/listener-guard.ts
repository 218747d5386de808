/** What stands between a listener and the world. */
export type ListenerGuard =
  /** The permissions of the socket's file, or of the pipe. */
  | { readonly kind: 'unix' }
  | {
      readonly kind: 'tcp';
      readonly isLoopback: boolean;
      readonly isTls: boolean;
      /** Client certificates are asked for, and checked. */
      readonly clientCertificates: boolean;
    };
