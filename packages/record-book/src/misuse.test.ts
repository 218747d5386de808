import { misuseSuite } from '@slipway/arguments/suite';
import * as exported from './index.ts';

misuseSuite('@slipway/record-book', exported);
