import { misuseSuite } from '@slipway/arguments/suite';
import * as exported from '../src/index.ts';

misuseSuite('@slipway/tracing', exported);
