import { formatByteSize } from '@slipway/client/options';
import type { PushResult } from '@slipway/push';
import { formatReference } from '@slipway/reference';

/** The table that the page of a run shows: what each destination got, and what had not to be sent. */
export function summaryOf(source: string, results: readonly PushResult[]): string {
  const rows = results.map((result) => {
    const { uploaded, mounted, existed, bytesSent } = result.totals;
    const outcome = result.ok ? code(result.digest) : `❌ ${escaped(result.error.message)}`;
    return [code(formatReference(result.reference)), outcome, uploaded, mounted, existed, formatByteSize(bytesSent)];
  });
  const head = ['Destination', 'Digest', 'Sent', 'Mounted', 'There already', 'Bytes sent'];
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  return [`### Pushed ${code(source)}`, '', ...lines, ''].join('\n');
}

function code(text: string): string {
  return `<code>${escaped(text)}</code>`;
}

/** As a cell of a table in Markdown, whatever a registry says. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('|', '&#124;').replace(/\s+/g, ' ');
}
