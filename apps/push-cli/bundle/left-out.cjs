// Parts that undici loads with everything else, and that no connection of ours asks for.
'use strict';
module.exports = function leftOut() {
  throw new Error('this part of undici is not in the program');
};
