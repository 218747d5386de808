import { metadataStoreSuite } from '../suite.ts';
import { createMemoryMetadataStore } from './memory-store.ts';

metadataStoreSuite('the memory store', async () => createMemoryMetadataStore());
