import { createMemoryMetadataStore } from './memory-store.ts';
import { metadataStoreSuite } from './suite.ts';

metadataStoreSuite('the memory store', async () => createMemoryMetadataStore());
