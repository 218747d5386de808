// LMDB can keep JavaScript values in an encoding of this name. The metadata store keeps bytes.
'use strict';
exports.Encoder = class Encoder {
  constructor() {
    throw new Error('unreachable: values are bytes');
  }
};
