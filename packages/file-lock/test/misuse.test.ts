import { misuseSuite } from '@slipway/arguments/suite';
import * as exported from '../src/index.ts';

misuseSuite('@slipway/file-lock', exported, {
  except: ['renameOver'], // fails with the system's own reason
});
