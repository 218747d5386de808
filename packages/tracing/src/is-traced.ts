import { ProxyTracerProvider, trace } from '@opentelemetry/api';
import { harmless } from './harmless.ts';

/** What the API has where no SDK is registered. */
const nobody = new ProxyTracerProvider().getDelegate();

/** Whether anybody in this process makes spans: most command lines have no SDK, and thousands of pieces of work. */
export function isTraced(): boolean {
  const isNobody = harmless(() => {
    const provider = trace.getTracerProvider();
    return provider instanceof ProxyTracerProvider && provider.getDelegate() === nobody;
  });
  return isNobody !== true;
}
