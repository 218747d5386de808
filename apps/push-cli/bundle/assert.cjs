// What undici asserts holds: Node's own module, which takes 2 ms to load, is loaded to say that something does not.
'use strict';
// Not by the name that the bundle has this file for.
const nodeAssert = () => process.getBuiltinModule('node:assert');

module.exports = (value, message) => {
  if (!value) nodeAssert()(value, message);
};
module.exports.equal = (actual, expected, message) => nodeAssert().equal(actual, expected, message);
