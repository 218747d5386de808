// The images that a Kubernetes manifest names, each as the reference that it means.
import { readFileSync } from 'node:fs';
import { formatReference, parseReference } from '@slipway/reference';
import { parseAllDocuments, visit } from 'yaml';

for (const document of parseAllDocuments(readFileSync(process.argv[2] ?? 'k8s.yaml', 'utf8')))
  visit(document, { Pair: (_, { key, value }) => void (`${key}` === 'image' && show(`${value}`)) });

function show(image: string): void {
  try {
    console.log(image, '->', formatReference(parseReference(image, { defaultTag: 'latest' })));
  } catch (error) {
    console.log(image, '!!', (error as Error).message);
  }
}
