import type { ResolvedPushOptions } from './push-options.ts';

/**
 * How a push reads its source: a conversion looks at the bytes of layers and not at their labels, and a push that compares
 * nothing with diffIDs carries what cannot be compared.
 */
export function sourceOptions(
  options: ResolvedPushOptions,
): ResolvedPushOptions & { readonly recognise: boolean; readonly unpaired: 'refuse' | 'carry' } {
  const { format, compression, verify } = options;
  return {
    ...options,
    recognise: format !== 'keep' || compression !== 'keep',
    unpaired: verify === 'digest' ? 'carry' : 'refuse',
  };
}
