import type { ImageStore } from '@slipway/image-store';
import type { Subjects } from '../artifacts/subjects.ts';
import type { Registries } from '../connection/registries.ts';
import type { ClientCredentials } from '../credentials/client-credentials.ts';
import type { ClientEnvironment } from '../environment.ts';
import type { SourceDoors } from '../sources/open-source.ts';
import type { Pushers } from './pushers.ts';

/** What a push works with. */
export interface PushParts {
  readonly environment: Pick<ClientEnvironment, 'allowsSchema1' | 'temporaryFolder' | 'variables'>;
  readonly credentials: ClientCredentials;
  readonly registries: Registries;
  readonly sources: SourceDoors;
  readonly subjects: Subjects;
  readonly pushers: () => Promise<Pushers>;
  readonly openImages: () => Promise<ImageStore>;
  readonly warn: (message: string) => void;
  readonly signKeyPassword?: (() => Promise<string>) | undefined;
}
