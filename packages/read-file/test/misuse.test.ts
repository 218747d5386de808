import { misuseSuite } from '@slipway/arguments/suite';
import * as exported from '../src/index.ts';

misuseSuite('@slipway/read-file', exported, {
  except: ['openRegularFile'], // fails with the system's own reason
});
